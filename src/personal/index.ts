/**
 * `lockstep/personal`: personal data under a key per subject, so that a person can be forgotten while the events stay.
 * `personal` says which fields of an event; `subjects` is the machine that forgets. Needs the package `@noble/ciphers`, an
 * optional peer.
 */
export { personal } from './personal.ts';
export type { Forgettable, PersonalField } from './personal.ts';
export { subjects } from '../machine/subjects.ts';
export type { PersonalSchema } from '../machine/personal-code.ts';
