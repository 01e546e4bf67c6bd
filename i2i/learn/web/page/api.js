// What the page asks the server. The visitor's name lives as long as this tab, and goes along as a header.

const KEPT = "i2i-learn";
let name = "";
try { name = sessionStorage.getItem(KEPT) ?? ""; } catch { /* not allowed: for this page alone */ }

async function join() {
  const answer = await fetch("learn/join", { method: "POST" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  name = found.session;
  try { sessionStorage.setItem(KEPT, name); } catch { /* likewise */ }
}

async function asked(path, options = {}) {
  if (!name) await join();
  let answer = await fetch(path, { ...options, headers: { "x-learn-session": name } });
  if (answer.status === 410) {
    await join();
    answer = await fetch(path, { ...options, headers: { "x-learn-session": name } });
  }
  if (answer.status === 204) return null;
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error ?? "The server did not answer as it should.");
  return found;
}

export const about = async () => (await fetch("learn/about")).json();
export const act = (what, more = {}) => asked("learn/do", { method: "POST", body: JSON.stringify({ do: what, ...more }) });
export const frame = (version, lines) => asked(`learn/frame?version=${version}&lines=${lines}`);
export const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
