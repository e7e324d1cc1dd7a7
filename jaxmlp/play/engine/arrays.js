// The engine of the page: training of small networks in plain JavaScript, in float64.
//
// All files of this folder are plain scripts, put together in a fixed order, and each adds to the
// one global object `jaxmlp`. None touches a page. The symbols and the order of the code are those
// of `jaxmlp/nn` and `jaxmlp/optim`, and `tests/play` proves that both train to the same numbers.
//
// An array is a Float64Array, row after row; its shape stands in a comment, such as (N, K). A tree
// is what parameters are: a list with one object of arrays for each layer, `{W, b}`, and `alpha`
// where the activation learns its slope. Nothing that is given is changed: what is new is returned.

const jaxmlp = {};

jaxmlp.zeros = (size) => new Float64Array(size);

// Returns a tree of `f(array, ..., name, layer)` over the arrays of trees of one structure.
jaxmlp.mapTree = (f, first, ...others) => first.map((layer, l) => {
  const made = {};
  for (const name of Object.keys(layer)) {
    if (!(layer[name] instanceof Float64Array)) made[name] = layer[name]; // a size
    else made[name] = f(layer[name], ...others.map((tree) => tree[l][name]), name, l);
  }
  return made;
});

jaxmlp.zerosLike = (tree) => jaxmlp.mapTree((w) => jaxmlp.zeros(w.length), tree);

jaxmlp.copyTree = (tree) => jaxmlp.mapTree((w) => w.slice(), tree);

// Returns `a + b`, array by array.
jaxmlp.addTrees = (a, b) => jaxmlp.mapTree((u, v) => u.map((value, i) => value + v[i]), a, b);

// Returns the length over all arrays of a tree, `|dw|`.
jaxmlp.lengthOf = (tree) => {
  let squares = 0;
  jaxmlp.mapTree((w) => { for (const value of w) squares += value * value; return w; }, tree);
  return Math.sqrt(squares);
};

// Returns the number of numbers in a tree.
jaxmlp.countOf = (tree) => {
  let count = 0;
  jaxmlp.mapTree((w) => { count += w.length; return w; }, tree);
  return count;
};

// Returns the rows of an array (N, width) at some indices, in an array of the same kind.
jaxmlp.takeRows = (array, indices, width) => {
  const taken = new array.constructor(indices.length * width);
  indices.forEach((row, n) => taken.set(array.subarray(row * width, (row + 1) * width), n * width));
  return taken;
};
