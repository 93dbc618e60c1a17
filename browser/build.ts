// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds what pages load: one script for each entry, into the static files of the web server.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";

/** Entries and the most that each may weigh, in bytes after gzip. */
export const BUDGETS: Readonly<Record<string, number>> = { exit: 1200, voice: 5000 };

/** What no page loads yet: weighed, and not written. The most for it and all that it imports at once. */
export const LATER: Readonly<Record<string, number>> = { deposit: 80_000 };

const HERE = import.meta.dirname;
const BUILT = join(HERE, "../src/notalone/web/static/built");

export interface Bundle {
  /** The script as pages load it. */
  readonly script: string;
  /** The packages that went into it. */
  readonly packages: readonly string[];
}

/** One that is loaded as a module. */
export interface Module extends Bundle {
  readonly name: string;
  /** In bytes after gzip, of all its scripts. */
  readonly weight: number;
}

export async function bundle(entry: string): Promise<Bundle> {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "iife",
    target: "es2020",
    charset: "utf8",
    banner: { js: "// SPDX-License-Identifier: AGPL-3.0-or-later. Parts of others: licences.txt" },
    logLevel: "warning",
  });
  const [file] = result.outputFiles;
  const [output] = Object.values(result.metafile.outputs);
  if (file === undefined || output === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  return { script: file.text, packages: packagesOf(output) };
}

/** Modules: the entry with what it imports at once, then each that it imports when it is needed. */
export async function modules(entry: string): Promise<readonly Module[]> {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    splitting: true,
    outdir: "built",
    write: false,
    metafile: true,
    minify: true,
    format: "esm",
    target: "es2020",
    charset: "utf8",
    logLevel: "warning",
  });
  const { outputs } = result.metafile;
  const texts = new Map(result.outputFiles.map(({ path, text }) => [relative(HERE, path), text]));
  const isEntry = (path: string): boolean => path === `built/${entry}.js`;
  const first = [...texts.keys()].filter((path) => isEntry(path) || outputs[path]!.entryPoint === undefined);
  const later = [...texts.keys()].filter((path) => !first.includes(path));
  return [first, ...later.map((path) => [path])].map((paths) => ({
    name: paths.some(isEntry) ? entry : basename(outputs[paths[0]!]!.entryPoint!, ".ts"),
    script: paths.map((path) => texts.get(path)!).join("\n"),
    weight: paths.reduce((sum, path) => sum + weight(texts.get(path)!), 0),
    packages: [...new Set(paths.flatMap((path) => packagesOf(outputs[path]!)))].sort(),
  }));
}

function packagesOf({ inputs }: Metafile["outputs"][string]): string[] {
  const packages = Object.entries(inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(packages)];
}

export function weight(script: string): number {
  return gzipSync(script, { level: 9 }).length;
}

async function licence(name: string): Promise<string> {
  const folder = join(HERE, "node_modules", name);
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
  return `${name} ${version}\n\n${await readFile(join(folder, "LICENSE"), "utf8")}`;
}

async function main(): Promise<void> {
  await mkdir(BUILT, { recursive: true });
  const packages = new Set<string>();
  for (const [entry, budget] of Object.entries(BUDGETS)) {
    const built = await bundle(entry);
    built.packages.forEach((name) => packages.add(name));
    await writeFile(join(BUILT, `${entry}.js`), built.script);
    console.log(`${entry}.js  ${built.script.length} B, gzip ${weight(built.script)} B of ${budget}`);
  }
  for (const [entry, budget] of Object.entries(LATER)) {
    for (const { name, script, weight } of await modules(entry)) {
      const most = name === entry ? ` of ${budget}` : ", when it is needed";
      console.log(`${name}.js (no page loads it yet)  ${script.length} B, gzip ${weight} B${most}`);
    }
  }
  await writeFile(join(BUILT, "licences.txt"), (await Promise.all([...packages].sort().map(licence))).join("\n\n"));
}

if (import.meta.main) await main();
