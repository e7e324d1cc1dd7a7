// Learning rates that change during training: functions of t, the number of updates made.
//
// `make(peak, steps, options)` returns `t -> rate`; a run has the rates of t = 0 to steps - 1
// (lecture row C5). As in `jaxmlp/optim/schedules.py`, a falling schedule reaches its end at
// t = steps, and `one_cycle` at the last update.

// Half a cosine from a at u = 0 to b at u = 1, constant beyond.
const halfCosine = (a, b, u) =>
  b + (a - b) * Math.sin((Math.PI / 2) * (1 - Math.min(1, Math.max(0, u)))) ** 2;

const roundEven = (value) => { // as Python's round and NumPy's rint
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
};

const staircase = (peak, steps, { drops = 3, factor = 0.1 } = {}) => {
  const stairs = Array.from({ length: drops }, (_, k) => Math.ceil((steps * (k + 1)) / (drops + 1)));
  return (t) => {
    const rest = t % steps;
    const fallen = Math.floor(t / steps) * (drops + 1) + stairs.filter((first) => first <= rest).length;
    return peak * factor ** fallen;
  };
};

const restarting = (peak, steps, { restarts = 3, end = 0 } = {}) => {
  const edges = [0];
  for (let k = 1; k <= restarts + 1; k += 1) {
    const begun = roundEven((steps * k) / (restarts + 1));
    if (begun > edges[edges.length - 1]) edges.push(begun);
  }
  return (t) => {
    const passed = edges.filter((edge) => edge <= t).length;
    const period = Math.min(Math.max(passed - 1, 0), edges.length - 2);
    return peak * halfCosine(1, end, (t - edges[period]) / (edges[period + 1] - edges[period]));
  };
};

const warming = (peak, steps, { warmup = 0.1, end = 0 } = {}) => {
  const rise = Math.min(roundEven(warmup * steps), steps - 1);
  return (t) => peak * (t < rise ? t / Math.max(rise, 1) : halfCosine(1, end, (t - rise) / (steps - rise)));
};

const cycling = (peak, steps, { rise = 0.3, start = 1 / 25, end = 1e-4 / 25 } = {}) => {
  const top = Math.min(Math.max(roundEven(rise * steps) - 1, 1), steps - 2); // the update of the peak
  return (t) => peak * (t < top
    ? halfCosine(start, 1, t / Math.max(top, 1))
    : halfCosine(1, end, (t - top) / (steps - 1 - top)));
};

jaxmlp.SCHEDULES = {
  constant: { make: (peak) => () => peak, formula: "η_t = η", row: "C3" },
  step: { make: staircase, formula: "η_t = η / 10^k, k = 0 to 3", row: "C5" },
  cosine: {
    make: (peak, steps, { end = 0 } = {}) => (t) => peak * halfCosine(1, end, t / steps),
    formula: "η_t = η (1 + cos(π t / T)) / 2",
    row: "Loshchilov and Hutter 2017",
  },
  cosine_restarts: {
    make: restarting,
    formula: "half cosines, one after the other",
    row: "Loshchilov and Hutter 2017",
  },
  warmup_cosine: {
    make: warming,
    formula: "a straight rise, then half a cosine",
    row: "Goyal et al. 2017",
  },
  one_cycle: {
    make: cycling,
    formula: "half a cosine up, half a cosine down",
    row: "Smith and Topin 2018",
  },
};
