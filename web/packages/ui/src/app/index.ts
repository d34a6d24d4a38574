export { noteText, type Note } from './Bell';
export type { Feature, Portal } from './feature';
export { NotForRole, NotFound } from './pages';
export { PageSkeleton } from './Skeletons';
export { useCan, useSees, useSession } from './session';
export { startPortal, type StartOptions } from './start';
