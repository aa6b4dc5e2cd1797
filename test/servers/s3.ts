/** The bucket of `s3-bucket.ts` behind HTTP, on a free port of the loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Bucket, NoAnswer, type BucketOptions } from './s3-bucket.ts';

export interface S3Server {
  readonly bucket: Bucket;
  readonly endpoint: string;
  stop(): Promise<void>;
}

export async function startS3(changes: Partial<BucketOptions> = {}): Promise<S3Server> {
  const bucket = new Bucket(changes);
  const server = createServer((asked, answering) => {
    respond(bucket, asked, answering).catch((error: unknown) => answering.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    bucket,
    endpoint: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(bucket: Bucket, asked: IncomingMessage, answering: ServerResponse): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of asked) pieces.push(piece as Buffer);
  const headers = Object.entries(asked.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && !['host', 'connection', 'transfer-encoding'].includes(name) ? [[name, value]] : [],
  );
  const { method = 'GET' } = asked;
  const body = method === 'GET' || method === 'HEAD' ? null : Uint8Array.from(Buffer.concat(pieces));
  const request = new Request(`http://${asked.headers.host}${asked.url}`, { method, headers, body });
  try {
    const response = await bucket.answer(request);
    answering.writeHead(response.status, Object.fromEntries(response.headers));
    answering.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    asked.socket.destroy();
  }
}
