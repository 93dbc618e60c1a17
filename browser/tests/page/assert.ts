// SPDX-License-Identifier: AGPL-3.0-or-later
// Stands in for node:assert/strict where the tests run in a page: as much of it as they use.

type Step<T> = () => T;
type Expected = (new (...some: never[]) => Error) | ((error: never) => boolean) | RegExp;

function ok(value: unknown, message = "not true"): asserts value {
  if (!value) throw new Error(message);
}

function alike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Map && b instanceof Map) return alike([...a], [...b]);
  const [one, two] = [Object.entries(a), Object.entries(b)];
  const other = new Map(two);
  return one.length === two.length && one.every(([key, value]) => other.has(key) && alike(value, other.get(key)));
}

function check(error: unknown, expected?: Expected): void {
  if (expected === undefined) return;
  if (expected instanceof RegExp) return ok(expected.test(String(error)), `another error: ${String(error)}`);
  if (expected.prototype !== undefined && error instanceof expected) return;
  const isClass = expected === Error || Object.prototype.isPrototypeOf.call(Error, expected);
  ok(!isClass && (expected as (error: unknown) => unknown)(error) === true, `another error: ${String(error)}`);
}

const NOTHING = Symbol();

function thrown(step: Step<unknown>): unknown {
  try {
    step();
  } catch (error) {
    return error;
  }
  return NOTHING;
}

async function rejected(step: Step<Promise<unknown>>): Promise<unknown> {
  try {
    await step();
  } catch (error) {
    return error;
  }
  return NOTHING;
}

export default {
  ok,
  equal: (a: unknown, b: unknown) => ok(Object.is(a, b), `${String(a)} is not ${String(b)}`),
  notEqual: (a: unknown, b: unknown) => ok(!Object.is(a, b), `both are ${String(a)}`),
  deepEqual: (a: unknown, b: unknown) => ok(alike(a, b), "not alike"),
  notDeepEqual: (a: unknown, b: unknown) => ok(!alike(a, b), "alike"),
  throws: (step: Step<unknown>, expected?: Expected) => {
    const error = thrown(step);
    ok(error !== NOTHING, "nothing was thrown");
    check(error, expected);
  },
  rejects: async (step: Step<Promise<unknown>>, expected?: Expected) => {
    const error = await rejected(step);
    ok(error !== NOTHING, "nothing was thrown");
    check(error, expected);
  },
};
