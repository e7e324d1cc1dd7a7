// A stream of random numbers, a function of its seed alone: Chris Doty-Humphrey's sfc32.
//
// It has a state of four 32-bit numbers, and passes the usual test suites (PractRand). It is not
// the generator of JAX, so a run of the page and a run of `jaxmlp.train` with the same seed start
// from different weights.

jaxmlp.makeRandom = (seed) => {
  let [a, b, c, counter] = [0, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, 1];
  const next = () => { // a whole number in [0, 2^32)
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i += 1) next(); // near seeds are apart after a dozen steps
  const random = {
    // a number in [0, 1), of 53 bits
    uniform: () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53,
    // N(0, 1), by Box and Muller (1958): 1 - u lies in (0, 1], so its logarithm is finite
    normal: () => {
      const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
      return radius * Math.cos(2 * Math.PI * random.uniform());
    },
    // the numbers 0 to n - 1 in a random order (Fisher and Yates)
    permutation: (n) => {
      const order = Int32Array.from({ length: n }, (_, i) => i);
      for (let i = n - 1; i > 0; i -= 1) {
        const j = Math.floor(random.uniform() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order;
    },
  };
  return random;
};
