/** What a handler of an app takes and answers, as OpenAPI 3.1. Shapes are those that schemas say; `true` where one does not. */
import { errorKinds } from '../kernel/errors.ts';
import type { App } from '../machine/app.ts';
import { contractOf, type MachineContract, type Shape } from '../machine/contract.ts';
import { eventStreamType, headerNames, jsonType, problemType } from './wire.ts';

type Document = Readonly<Record<string, unknown>>;

export function openApiOf(app: App<unknown>, base = ''): Document {
  const { machines } = contractOf(app);
  const queries = app.parts.filter(({ kind }) => kind === 'query');
  return {
    openapi: '3.1.0',
    info: { title: app.name, version: '1' },
    servers: [{ url: base === '' ? '/' : base }],
    paths: Object.fromEntries([
      ...Object.entries(machines).flatMap(([name, machine]) => machinePaths(name, machine)),
      ...queries.map(({ name }) => [`/queries/${name}`, { post: operation(`query ${name}`, [after], true) }] as const),
    ]),
    components: { schemas: { Problem: problem }, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}

function machinePaths(name: string, { commands }: MachineContract): readonly (readonly [string, Document])[] {
  const headers = [
    header(headerNames.commandId, 'Makes sending again safe: the same id is run once.'),
    header('if-match', 'The version that the instance must have, in quotes.'),
    header(headerNames.deadline, 'For how long it is tried: 5s.'),
  ];
  const read = operation(`read ${name}`, [key(true), after, query('maxAge')], null);
  const events = operation(
    `events of ${name}`,
    [key(false), after, query('limit'), query('wait')],
    null,
    eventStreamType,
  );
  return [
    ...Object.entries(commands).map(
      ([command, shape]) =>
        [
          `/machines/${name}/commands/${command}`,
          { post: operation(`${name}.${command}`, [key(true), ...headers], shape ?? true) },
        ] as const,
    ),
    [`/machines/${name}/state`, { get: read }],
    [`/machines/${name}/events`, { get: events }],
  ];
}

/** `body`: the shape of what is sent; null: nothing is. */
function operation(
  operationId: string,
  parameters: readonly Document[],
  body: Shape | true,
  alsoAnswers?: string,
): Document {
  const answer = { [jsonType]: { schema: true }, ...(alsoAnswers === undefined ? {} : { [alsoAnswers]: {} }) };
  const sent = body === null ? {} : { requestBody: { content: { [jsonType]: { schema: body } } } };
  return {
    operationId,
    parameters,
    ...sent,
    responses: {
      200: { description: 'done', content: answer },
      default: {
        description: 'a problem',
        content: { [problemType]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

const text = { schema: { type: 'string' } } as const;
const query = (name: string): Document => ({ name, in: 'query', ...text });
const header = (name: string, description: string): Document => ({ name, in: 'header', description, ...text });
const after: Document = { ...query('after'), description: 'A token that an answer gave: what it names has been seen.' };
const key = (required: boolean): Document => ({
  name: 'key',
  in: 'query',
  required,
  schema: { type: 'string', minLength: 1, maxLength: 500 },
});

const problem: Document = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'kind', 'happened', 'retry'],
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    kind: { enum: Object.keys(errorKinds) },
    happened: { enum: ['no', 'unknown'] },
    retry: { type: 'boolean' },
    values: { type: 'object' },
    advice: { type: 'array', items: { type: 'string' } },
  },
};
