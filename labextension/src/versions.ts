/** Compares the version of the panel (npm's spelling) with that of the package (Python's). */

const VERSION = /^v?(\d+)\.(\d+)\.(\d+)[-.]?(?:([a-z]+)[-.]?(\d*))?(?:[-.]?dev[-.]?(\d*))?(?:\+.*)?$/;
const STAGES: Record<string, number> = {
  dev: -4,
  a: -3,
  alpha: -3,
  b: -2,
  beta: -2,
  c: -1,
  rc: -1,
  pre: -1,
  preview: -1
};

/** Which side to upgrade; '' where both are the same version. */
export function advice(panel: string, kernel: string): string {
  const order = compare(parts(panel), parts(kernel));
  if (order === 0) {
    return '';
  }
  const which = order < 0 ? "JupyterLab's environment" : "the kernel's environment";
  return (
    `The panel is ${panel}, the kernel has ${kernel}: ` +
    `upgrade codeassist-jupyter in ${which}, then reload the page.`
  );
}

/** Numbers that sort as versions do; one that cannot be read is the oldest. */
function parts(version: string): number[] {
  const found = VERSION.exec(version);
  if (found === null) {
    return [];
  }
  const [, major, minor, patch, stage, number, dev] = found;
  const last = dev === undefined ? Infinity : Number(dev);
  return [major, minor, patch].map(Number).concat(STAGES[stage] ?? 0, Number(number ?? 0), last);
}

function compare(a: number[], b: number[]): number {
  const at = [0, 1, 2, 3, 4, 5].find(index => (a[index] ?? -1) !== (b[index] ?? -1));
  return at === undefined ? 0 : Math.sign((a[at] ?? -1) - (b[at] ?? -1));
}
