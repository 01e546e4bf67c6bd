// Small curves over the steps: each chart a canvas, with its lines, its last values, and the moments of the doctor.

import { colour } from "./paint.js";

const CHARTS = [
  { title: "Losses", lines: [["g_gan", "G", "--gen"], ["d_loss", "D", "--real"]] },
  { title: "What D says", low: 0, high: 1, half: 0.5, lines: [["p_real", "of real", "--real"], ["p_fake", "of generated", "--gen"]] },
  { title: "Divergence, in nats", low: 0, lines: [["learn_kl", "KL", "--third"], ["learn_js", "JS", "--fourth"]] },
];

const short = (v) => v === undefined || v === null ? "–" : Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(2);

export function addCharts(box) {
  for (const chart of CHARTS) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.innerHTML = `<b>${chart.title}</b>` + chart.lines.map(([key, label, c]) => `<span class="key ${c.slice(2)}">${label} <output data-key="${key}">–</output></span>`).join("");
    chart.canvas = document.createElement("canvas");
    chart.canvas.setAttribute("role", "img");
    chart.canvas.setAttribute("aria-label", chart.title);
    figure.append(caption, chart.canvas);
    box.append(figure);
    chart.outputs = Object.fromEntries([...caption.querySelectorAll("output")].map((o) => [o.dataset.key, o]));
  }
}

function value(line, key) {
  if (key !== "d_loss") return line[key];
  return line.d_real === undefined ? undefined : line.d_real + line.d_fake;
}

export function drawCharts(lines, total, marks) {
  for (const chart of CHARTS) draw(chart, lines, total, marks);
}

function draw(chart, lines, total, marks) {
  const { canvas } = chart, scale = devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const every = Math.max(1, Math.floor(lines.length / 600));
  const series = chart.lines.map(([key, , c]) => ({ key, c, points: [] }));
  for (const one of series) {
    for (let n = 0; n < lines.length; n++) {
      const v = value(lines[n], one.key);
      if (v !== undefined && v !== null && (n % every === 0 || n > lines.length - 3 || one.key.startsWith("learn"))) one.points.push([lines[n].step, v]);
    }
    chart.outputs[one.key].value = short(one.points.at(-1)?.[1]);
  }
  const all = series.flatMap((one) => one.points.map((p) => p[1])).sort((a, b) => a - b);
  const from = (share) => all[Math.min(all.length - 1, Math.floor(share * all.length))] ?? 0;
  let low = chart.low ?? Math.min(0, from(0.01)), high = chart.high ?? Math.max(from(0.98) * 1.1, 0.1);
  if (high - low < 1e-6) high = low + 1;
  const left = 30, x = (step) => left + (width - left - 4) * step / Math.max(total, 1), y = (v) => height - 5 - (height - 12) * (Math.min(high, Math.max(low, v)) - low) / (high - low);
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = colour("--soft");
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.strokeStyle = colour("--line");
  pen.lineWidth = 1;
  for (const v of chart.half ? [low, chart.half, high] : [low, high]) {
    pen.beginPath();
    pen.moveTo(left, y(v));
    pen.lineTo(width - 4, y(v));
    pen.stroke();
    pen.fillText(Math.abs(v) >= 10 ? v.toFixed(0) : String(+v.toFixed(1)), left - 5, y(v));
  }
  for (const mark of marks) {
    pen.strokeStyle = colour(mark.bad ? "--bad" : "--good");
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.moveTo(x(mark.step), 4);
    pen.lineTo(x(mark.step), height - 5);
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  for (const one of series) {
    pen.strokeStyle = colour(one.c);
    pen.beginPath();
    one.points.forEach(([step, v], n) => (n ? pen.lineTo(x(step), y(v)) : pen.moveTo(x(step), y(v))));
    pen.stroke();
  }
}
