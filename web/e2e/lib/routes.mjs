// The screens there are, read from the portals' own route lists: a new screen is looked at without
// being named here, unless its address needs an id of a kind that is not known yet.
import { readdirSync, readFileSync } from 'node:fs';

const apps = new URL('../../apps/', import.meta.url).pathname;
const ui = new URL('../../packages/ui/src/app/ownRoutes.tsx', import.meta.url).pathname;

/** `createRoute({ … path: '/x' … })` and the helper `page('/x', …)`. */
function pathsIn(file) {
  return [...readFileSync(file, 'utf8').matchAll(/(?:\bpath:|\bpage\()\s*'(\/[^']*)'/g)].map((m) => m[1]);
}

export function routesOf(app) {
  const features = `${apps}${app}/src/features/`;
  const found = readdirSync(features).flatMap((f) => {
    try {
      return pathsIn(`${features}${f}/routes.tsx`);
    } catch {
      return [];
    }
  });
  return [...new Set([...found, ...pathsIn(ui)])];
}
