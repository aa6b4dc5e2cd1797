/** Where a search leaves what it found: one object that is used again and again. The bytes are the source's own. */
export class FoundVersion {
  revision = 0;
  isDelete = false;
  bytes: Uint8Array = empty;
  start = 0;
  end = 0;
}

const empty = new Uint8Array(0);
