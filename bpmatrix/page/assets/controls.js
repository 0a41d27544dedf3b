// What is pressed changes the state; `render` draws the state.

const $ = (id) => document.getElementById(id);
let playing = null;

function render() {
  document.documentElement.dataset.theme = state.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  palette = new Map();
  const key = document.activeElement?.closest?.("[data-key]")?.dataset.key;
  const focused = document.activeElement?.id;
  const box = $("stage").getBoundingClientRect(), width = Math.max(box.width - 34, 320), height = Math.max(box.height - 24, 300);
  if (state.level > 1 && !state.matrix) state.matrix = STEPS[state.step].key || "W" + L;
  if (state.matrix) {
    state.row = Math.min(Math.max(state.row, 0), MATRICES[state.matrix].rows - 1);
    state.column = Math.min(Math.max(state.column, 0), MATRICES[state.matrix].columns - 1);
  }
  $("stage").innerHTML = state.view === "film" ? filmView(width)
    : [networkView, layerView, cellView][state.level - 1](width, height);
  $("panel").innerHTML = state.view === "film" ? filmPanel() : passPanel();
  renderViews();
  renderTimeline();
  if (key) document.querySelector(`[data-key="${key}"]`)?.focus();
  else if (focused && $(focused) !== document.activeElement) $(focused)?.focus();
  writeState();
}

function renderViews() {
  const levels = ["Network", "Layer", "Cell"].map((name, k) =>
    `<button id="level${k + 1}" data-level="${k + 1}" aria-pressed="${state.view === "pass" && state.level === k + 1}" title="${name} (${k + 1})">${name}</button>`);
  if (film) levels.push(`<button id="films" aria-pressed="${state.view === "film"}" title="The training (t)">Training</button>`);
  $("views").innerHTML = levels.join("");
}

function renderTimeline() {
  const play = `<button id="play" class="play" title="Play or pause (space)">${playing ? "❚❚ Pause" : "▶ Play"}</button>`;
  const ends = `<button id="back" title="Back (←)">← Back</button>${play}<button id="next" title="Step (→)">Step →</button>`;
  if (state.view === "film") {
    $("timeline").innerHTML = `<label for="frame" class="soft">epoch</label><input id="frame" type="range" min="0" max="${film.frames.length - 1}" value="${state.frame}" aria-valuetext="epoch ${film.frames[state.frame].epoch}">`;
  } else {
    $("timeline").innerHTML = STEPS.map((s, k) =>
      (s.id === "BP1" ? `<span class="turn" aria-hidden="true">↩</span>` : "")
      + `<button id="step${k}" data-step="${k}" class="${k < state.step ? "done" : ""}" ${k === state.step ? 'aria-current="step"' : ""} title="${NUMBERED[s.id] ?? ""} ${s.title}" aria-label="${NUMBERED[s.id] ?? ""} ${s.title}">${s.chip}</button>`).join("");
  }
  $("controls").innerHTML = ends;
}

function passPanel() {
  const s = STEPS[state.step], tag = NUMBERED[s.id] ? `<span class="tag">${NUMBERED[s.id]}</span>` : "";
  return `<h2>${s.title}</h2><div class="equation">${tag}${s.equation}</div><p>${s.words}</p>`
    + stepPanel(s) + cellPanel() + samplePanel()
    + `<h3>Keys</h3><p class="soft">← → step · space play · 1 2 3 zoom · s next sample · arrows in a matrix choose a cell, Enter zooms in · d dark · e SVG</p>`;
}

function stepPanel(s) {
  if (s.id === "C") return `<p class="value" id="cost">C = ${digits(batch.mean_cost)}</p><p class="soft">${escaped(batch.cost)}, mean of ${m} samples</p>`;
  if (s.id === "update") {
    return `<p class="value" id="after">η = ${digits(batch.rate)}<br>C before ${digits(batch.mean_cost)}<br>C after&nbsp; ${digits(batch.cost_after)}</p><p class="soft">One step of plain gradient descent on this mini-batch.</p>`;
  }
  if (s.id === "BP2" || s.id === "BP1") {
    let flat = 0;
    const d = MATRICES[s.key];
    for (let i = 0; i < d.rows; i++) for (let j = 0; j < m; j++) flat += isFlat(s.l, i, j);
    return flat ? `<p class="soft">╱ marks ${flat} of ${d.rows * m} as saturated: the slope is below a tenth of the largest one, so little error passes.</p>` : "";
  }
  if (s.id !== "BP4") return "";
  const a = MATRICES["gW" + s.l].numbers, b = MATRICES["loop" + s.l].numbers, done = state.part === m;
  let difference = 0, unlike = 0;
  a.forEach((x, k) => { difference = Math.max(difference, Math.abs(x - b[k])); unlike += digits(x) !== digits(b[k]); });
  const mark = (text, on) => (on ? `<mark>${text}</mark>` : text);
  return `<h3>The book's loop</h3><pre>${mark(`for x, y in mini_batch:  # ${Math.min(state.part, m)} of ${m}`, !done)}
    …                    # delta of x
${mark("    nabla_w += delta · aᵀ", !done)}
${mark(`nabla_w / ${m}`, done)}</pre>`
    + (done
      ? `<p class="same" id="equal">${unlike ? `${unlike} of ${a.length} numbers differ in the last digit shown.` : "Matrix and loop are equal to the last digit shown."}</p><p class="soft">Largest difference of ${a.length} numbers: ${digits(difference)}</p>`
      : `<p class="soft">${state.part} of ${m} outer products are added.</p>`);
}

function cellPanel() {
  if (state.level < 2) return "<p class=\"soft\">Choose a matrix to see what it is made of.</p>";
  const f = termsOf(state.matrix, state.row, state.column), terms = f.terms.filter((t) => t.index >= 0);
  if (!isReady(state.matrix)) return `<h3>Cell</h3><p class="value" id="value">not computed yet</p>`;
  const few = terms.slice(0, 3).map((t) => t.text).join(" + ") + (terms.length > 3 ? ` + … (${terms.length} terms)` : "");
  return `<h3>Cell</h3><p class="value" id="formula">${escaped(f.left)}<br>${terms.length ? "= " + escaped(few) + "<br>" : ""}${f.lines.map((x) => "= " + escaped(x) + "<br>").join("")}<strong id="value">= ${digits(f.result)}</strong></p>`
    + (f.note ? `<p class="soft">${f.note}</p>` : "");
}

function samplePanel() {
  const buttons = Array.from({ length: m }, (_, j) =>
    `<button id="sample${j}" data-sample="${j}" aria-pressed="${j === state.sample}" aria-label="sample ${j + 1}">${j + 1}</button>`).join("");
  let text = `<h3>One column</h3><div class="samples">${buttons}</div>`;
  const j = state.sample;
  if (j < 0) return text + `<p class="soft">Choose a sample: its column lights up in every matrix.</p>`;
  const column = Array.from({ length: batch.sizes[0] }, (_, i) => at("X", i, j)), out = MATRICES["a" + L];
  const outputs = Array.from({ length: out.rows }, (_, i) => at("a" + L, i, j)), best = outputs.indexOf(Math.max(...outputs));
  const label = batch.labels ? `label ${batch.labels[j]}` : `target ${digits(at("Y", 0, j))}`;
  const answer = !isReady("a" + L) ? "" : out.rows > 1 ? `<br>the network says ${best} (${digits(outputs[best])})` : `<br>output ${digits(outputs[0])}`;
  text += `<div class="one">${batch.side ? image(column, batch.side, 96, `image of sample ${j + 1}`) : ""}<p>sample ${j + 1}, ${label}${answer}${isReady("C") ? `<br>cost ${digits(at("C", 0, j))}` : ""}</p></div>`;
  return text + `<p class="soft">A sample alone would give these same columns: the batch only sets them side by side.</p>`;
}

function filmPanel() {
  const frame = film.frames[state.frame];
  return `<h2>The training</h2><p>Epoch ${Number(frame.epoch.toFixed(2))}, frame ${state.frame + 1} of ${film.frames.length}.</p>
<p class="value">cost ${digits(frame.cost)}${film.labels ? `<br>${frame.wrong.length} of ${film.labels.length} wrong` : ""}</p>
<p class="soft">${frame.plane ? "The colors are the network's answers; larger points are wrong." : "Blue weights are negative, orange ones positive: where a unit wants ink, and where none."}</p>
<h3>Keys</h3><p class="soft">← → frame · space play · 1 2 3 back to the pass · d dark · e SVG</p>`;
}

// Where the cursor goes, levels 2 and 3 follow.
function follow() {
  const own = STEPS[state.step].key;
  if (state.level > 1) { state.matrix = own || "W" + L; }
}
function say() {
  const s = STEPS[state.step];
  $("announcement").textContent = state.view === "film" ? `epoch ${film.frames[state.frame].epoch}`
    : `${NUMBERED[s.id] ?? ""} ${s.title}${s.id === "BP4" ? `, sample ${state.part} of ${m}` : ""}`;
}
function move(direction) {
  let more = true;
  if (state.view === "film") {
    const k = state.frame + direction;
    more = k >= 0 && k < film.frames.length;
    if (more) state.frame = k;
  } else {
    if (direction > 0) more = forward(); else back();
    follow();
  }
  render();
  say();
  return more;
}
function pause() { clearInterval(playing); playing = null; }
function play() {
  if (playing) pause();
  else {
    if (state.view === "film" && state.frame === film.frames.length - 1) state.frame = 0;
    playing = setInterval(() => { if (!move(1)) { pause(); render(); } }, state.view === "film" ? 250 : 900);
  }
  render();
}
function zoom(level) { state.view = "pass"; state.level = level; render(); }
function toggleTheme() { state.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; render(); }

// An SVG file with the colors that the style sheet gives on the page.
function exported() {
  const picture = $("stage").querySelector("svg"), copy = picture.cloneNode(true);
  const originals = picture.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((node, k) => {
    const style = getComputedStyle(originals[k]);
    for (const name of ["fill", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity", "font-family"]) {
      if (style.getPropertyValue(name)) node.style.setProperty(name, style.getPropertyValue(name));
    }
  });
  copy.style.background = css("--paper");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  link.download = "bpmatrix.svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The cell of a matrix under the pointer.
function choose(group, event) {
  const { key, cell, x, y, turn } = group.dataset, M = MATRICES[key];
  state.matrix = key;
  if (state.level > 1 && event) {
    const picture = group.ownerSVGElement, box = picture.getBoundingClientRect();
    const c = Math.floor((event.clientX - box.left - x) / cell), r = Math.floor((event.clientY - box.top - y) / cell);
    state.row = (turn ? c : r) + rowsOf(M).first;
    state.column = (turn ? r : c) + columnsOf(M).first;
    if (M.columns === m && !/^(W|b|g|loop)/.test(key)) state.sample = Math.min(Math.max(state.column, 0), m - 1);
  }
  if (state.level === 1) state.level = 2;
  render();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button"), group = event.target.closest("[data-key]");
  if (group) { choose(group, event); return; }
  if (!button) return;
  const { level, step: k, sample } = button.dataset;
  if (level) zoom(Number(level));
  else if (k) { pause(); state.step = Number(k); state.part = partsOf(state.step); follow(); render(); say(); }
  else if (sample) { state.sample = state.sample === Number(sample) ? -1 : Number(sample); render(); }
  else if (button.id === "films") { pause(); state.view = "film"; render(); }
  else if (button.id === "next" || button.id === "back") { pause(); move(button.id === "next" ? 1 : -1); }
  else if (button.id === "play") play();
  else if (button.id === "theme") toggleTheme();
  else if (button.id === "export") exported();
});
document.addEventListener("dblclick", (event) => { if (event.target.closest("[data-key]")) zoom(3); });
document.addEventListener("input", (event) => {
  if (event.target.id === "frame") { pause(); state.frame = Number(event.target.value); render(); say(); }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.id === "frame") return;
  const group = event.target.closest?.("[data-key]"), arrows = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (group && event.key === "Enter") {
    if (state.level === 1) choose(group); else { state.matrix = group.dataset.key; zoom(3); }
  } else if (group && state.level > 1 && event.key in arrows) {
    const [r, c] = group.dataset.turn ? [...arrows[event.key]].reverse() : arrows[event.key];
    if (state.matrix !== group.dataset.key) { state.matrix = group.dataset.key; } else { state.row += r; state.column += c; }
    render();
    $("announcement").textContent = `row ${state.row + 1}, column ${state.column + 1}: ${$("value")?.textContent ?? ""}`;
  } else if (event.key === "ArrowRight") { pause(); move(1); }
  else if (event.key === "ArrowLeft") { pause(); move(-1); }
  else if (event.key === " " && event.target.tagName !== "BUTTON") play();
  else if ("123".includes(event.key)) zoom(Number(event.key));
  else if (event.key === "s") { state.sample = (state.sample + 1) % m; render(); }
  else if (event.key === "t" && film) { state.view = "film"; render(); }
  else if (event.key === "d") toggleTheme();
  else if (event.key === "e") exported();
  else return;
  event.preventDefault();
});
addEventListener("resize", render);
addEventListener("hashchange", () => { readState(); render(); });
$("title").textContent = data.title;
readState();
render();
