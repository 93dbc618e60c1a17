// SPDX-License-Identifier: AGPL-3.0-or-later
// Prints the tests that need nothing of Node as one script for a page, where they are `tests`; see page/main.ts.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { vectors, words } from "./vectors.ts";

const HERE = import.meta.dirname;
const TESTS = [
  "encoding",
  "group",
  "oprf",
  "signatures",
  "seals",
  "sharing",
  "keys",
  "dleq",
  "credentials",
  "identifiers",
  "descriptor",
  "trustees",
  "escrow",
];
const INSTEAD: Readonly<Record<string, string>> = {
  "node:test": "page/test.ts",
  "node:assert/strict": "page/assert.ts",
  "./vectors.ts": "page/vectors.ts",
};

/** What a page has in the place of Node's own. */
const instead: Plugin = {
  name: "instead",
  setup({ onResolve }) {
    onResolve({ filter: /^(node:test|node:assert\/strict|\.\/vectors\.ts)$/ }, ({ path }) => ({
      path: join(HERE, INSTEAD[path]!),
    }));
  },
};

const sources = TESTS.map((name) => readFileSync(join(HERE, `${name}.test.ts`), "utf8"));
const nouns = sources.flatMap((text) => /vectors<[^]*?>\("([a-z]+)"\)/.exec(text)?.[1] ?? []);
const files = { vectors: Object.fromEntries(nouns.map((noun) => [noun, vectors(noun)])), words: words() };
const result = await build({
  stdin: {
    contents: `${TESTS.map((name) => `import "./${name}.test.ts";`).join("\n")}\nexport * from "./page/main.ts";`,
    resolveDir: HERE,
  },
  bundle: true,
  write: false,
  format: "iife",
  globalName: "tests",
  target: "es2022",
  charset: "utf8",
  plugins: [instead],
  banner: { js: `const FILES = ${JSON.stringify(files)};` },
  logLevel: "warning",
});
process.stdout.write(result.outputFiles[0]!.text);
