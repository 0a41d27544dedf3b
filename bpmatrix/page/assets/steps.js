// The cursor over the pass: each step computes one matrix, from those that stand before it.

const STEPS = [];
const sup = (name, l) => `${name}<sup>${l}</sup>`;
const step = (id, l, key, chip, title, equation, words) => STEPS.push({ id, l, key, chip, title, equation, words });

step("X", 0, "X", "X", "The mini-batch", `X = [x<sub>1</sub> … x<sub>${m}</sub>]`,
  "Each column is one sample. All of them go through the network together, as one matrix.");
for (let l = 1; l <= L; l++) {
  const below = l === 1 ? "X" : sup("a", l - 1);
  step("z", l, "z" + l, "z" + raised(l), `Weighted inputs of layer ${l}`,
    `${sup("z", l)} = ${sup("W", l)} ${below}${batch.bias ? " + " + sup("b", l) : ""}`,
    "Each row of W is a unit, each column on its right a sample: one product for the whole batch.");
  step("a", l, "a" + l, "a" + raised(l), `Activations of layer ${l}`,
    `${sup("a", l)} = σ(${sup("z", l)}), σ = ${escaped(batch.layers[l - 1].activation)}`,
    "The function is applied to every number alone; softmax to every column alone.");
}
step("C", L, "C", "C", "The cost", `C = 1/m Σ<sub>x</sub> C<sub>x</sub>`,
  "How far each column of outputs is from its target; the cost of the batch is the mean.");
for (let l = L; l >= 1; l--) {
  const factors = "up" + l in MATRICES;
  const own = factors
    ? `${sup("δ", l)} = ∇<sub>a</sub>C ⊙ σ′(${sup("z", l)})` : `${sup("δ", l)} = ${sup("a", l)} − Y`;
  step(l === L ? "BP1" : "BP2", l, "d" + l, "δ" + raised(l), `Error of ${l === L ? "the output layer" : "layer " + l}`,
    l === L ? own : `${sup("δ", l)} = ((${sup("W", l + 1)})<sup>T</sup> ${sup("δ", l + 1)}) ⊙ σ′(${sup("z", l)})`,
    l === L
      ? (factors ? "How fast the cost changes with each output, times the slope of σ there."
        : "With this cost the slope σ′ cancels: the error is how far the output is off (chapter 3).")
      : "The error of the layer above, moved backward through its weights, times the slope of σ here.");
}
for (let l = L; l >= 1; l--) {
  if (batch.bias) {
    step("BP3", l, "gb" + l, "∂b" + raised(l), `Gradient for the biases of layer ${l}`,
      `∂C/∂${sup("b", l)} = 1/m Σ<sub>x</sub> ${sup("δ", l + ",x")}`,
      "The error itself, averaged over the samples: the mean of each row.");
  }
  step("BP4", l, "gW" + l, "∂W" + raised(l), `Gradient for the weights of layer ${l}`,
    `∂C/∂${sup("W", l)} = 1/m ${sup("δ", l)} (${l === 1 ? "X" : sup("a", l - 1)})<sup>T</sup>`,
    "Error out times activation in. Each sample adds one outer product; the matrix product adds all of them.");
}
step("update", 0, "", "update", "A step downhill", `W → W − η ∂C/∂W${batch.bias ? ", b → b − η ∂C/∂b" : ""}`,
  "All weights and biases take one step against the gradient.");

const NUMBERED = { BP1: "(BP1)", BP2: "(BP2)", BP3: "(BP3)", BP4: "(BP4)" };
// (BP4) has a part for each sample; the other steps are done at once.
const partsOf = (k) => (STEPS[k].id === "BP4" ? m : 0);
const stepOf = (key) => {
  if (key[0] === "W" || key[0] === "b" || key === "Y") return 0;
  const own = key.replace(/^(up|s)/, "d").replace("loop", "gW");
  return STEPS.findIndex((s) => s.key === own);
};
// How many samples a gradient contains so far; m unless its step is going on.
const samplesIn = (key) => (STEPS[state.step].id === "BP4" && stepOf(key) === state.step ? state.part : m);
const isReady = (key) => stepOf(key) <= state.step;

// A number of a matrix as far as the pass has come.
function now(key, i, j) {
  const n = samplesIn(key);
  if (n === m || !/^(gW|loop)/.test(key)) return at(key, i, j);
  const l = Number(key.replace(/\D/g, ""));
  let sum = 0; // the outer products so far, which the page writes out
  for (let k = 0; k < n; k++) sum += at("d" + l, i, k) * at(input(l), j, k);
  return sum / m;
}

function forward() {
  if (state.part < partsOf(state.step)) state.part += 1;
  else if (state.step < STEPS.length - 1) { state.step += 1; state.part = Math.min(1, partsOf(state.step)); }
  else return false;
  return true;
}
function back() {
  if (state.part > 1) state.part -= 1;
  else if (state.step > 0) { state.step -= 1; state.part = partsOf(state.step); }
}
