// Files into one zip, stored as they are: pictures are compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Numbers as little-endian bytes: [value, bytes each], … */
function packed(...fields) {
  return new Uint8Array(fields.flatMap(([value, size]) => Array.from({ length: size }, (_, n) => (value / 2 ** (8 * n)) & 255)));
}

/** Names that are free, `x.png`, `x-2.png`, … for each of `names`. */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    const [, stem, suffix] = name.match(/^(.*?)(\.[^.]*)?$/s);
    let free = name;
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${stem}-${n}${suffix ?? ""}`;
    taken.add(free.toLowerCase());
    return free;
  });
}

/** [{ name, blob }] -> the zip as a Blob; below 4 GB, as the format of 1989 has it. */
export async function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, blob } of files) {
    const title = new TextEncoder().encode(name);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const now = new Date();
    const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
    const day = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
    // version 2.0, names in UTF-8, stored
    const common = [[20, 2], [0x800, 2], [0, 2], [time, 2], [day, 2], [crc, 4], [blob.size, 4], [blob.size, 4], [title.length, 2], [0, 2]];
    parts.push(packed([0x04034b50, 4], ...common), title, blob);
    directory.push(packed([0x02014b50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), title);
    offset += 30 + title.length + blob.size;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = packed([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}
