// SPDX-License-Identifier: AGPL-3.0-or-later
// Builds what pages load: one script for each entry, into the static files of the web server.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/** Entries and the most that each may weigh, in bytes after gzip. */
export const BUDGETS: Readonly<Record<string, number>> = { exit: 1200, voice: 5000 };

const HERE = import.meta.dirname;
const BUILT = join(HERE, "../src/notalone/web/static/built");

export interface Bundle {
  /** The script as pages load it. */
  readonly script: string;
  /** The packages that went into it. */
  readonly packages: readonly string[];
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
  const packages = Object.entries(output.inputs)
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([path]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  return { script: file.text, packages: [...new Set(packages)] };
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
  await writeFile(join(BUILT, "licences.txt"), (await Promise.all([...packages].sort().map(licence))).join("\n\n"));
}

if (import.meta.main) await main();
