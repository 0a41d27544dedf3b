// What is seen is this state; it is kept in the URL's fragment, so that a link leads back to it.

const state = {
  view: "pass", step: 0, part: 0, level: 1, matrix: "", row: 0, column: 0, sample: -1,
  frame: 0, theme: "",
};
const WORDS = new Set(["view", "matrix", "theme"]);

function readState() {
  for (const pair of location.hash.slice(1).split("&")) {
    const [name, value] = pair.split("=");
    if (!(name in state) || value === undefined) continue;
    if (WORDS.has(name)) state[name] = decodeURIComponent(value);
    else if (/^-?\d{1,6}$/.test(value)) state[name] = Number(value);
  }
  // A link may have been edited: everything is brought into its range.
  const within = (x, most) => Math.min(Math.max(x, 0), most);
  if (!film || state.view !== "film") state.view = "pass";
  if (!(state.matrix in MATRICES)) state.matrix = "";
  if (!["", "light", "dark"].includes(state.theme)) state.theme = "";
  state.step = within(state.step, STEPS.length - 1);
  state.part = within(state.part, partsOf(state.step));
  state.level = Math.max(1, within(state.level, 3));
  state.sample = Math.min(Math.max(state.sample, -1), m - 1);
  state.frame = film ? within(state.frame, film.frames.length - 1) : 0;
}

function writeState() {
  const pairs = Object.entries(state).filter(([, value]) => value !== "" && value !== -1);
  const hash = "#" + pairs.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  try { history.replaceState(null, "", hash); } catch { /* in a frame without an address */ }
}
