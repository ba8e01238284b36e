import { TokenwardError } from '../errors.ts';
import type { Upload } from '../http/message.ts';
import type { SealedFile } from './sealed-file.ts';
import type { SpillOutcome, SpillSpace } from './spill.ts';

/**
 * A body that is written to a file while it is forwarded, so that it can be sent again. If that is not possible (any
 * more), it is only forwarded.
 */
export class SpilledBody {
  readonly kind = 'spilled';
  readonly length: number | undefined;
  readonly #space: SpillSpace;
  readonly #openSource: () => Upload;
  readonly #ended: (outcome: SpillOutcome) => void;
  #source: Upload | undefined;
  #file: SealedFile | undefined;
  #reservedBytes = 0;
  /** What came of spilling it; undefined: it is being kept. */
  #outcome: SpillOutcome | undefined;
  /** Nobody will send it again. */
  #released = false;
  #counted = false;
  #complete = false;
  #size = 0;
  /** The newest piece, until it is taken, and its place. */
  #newest: { readonly at: number; readonly piece: Buffer } | undefined;
  /** A piece is on its way; several uploads may wait for it: one that was stopped, and the next. */
  #pulling: Promise<void> | undefined;
  #active: SpilledUpload | undefined;

  constructor(
    space: SpillSpace,
    length: number | undefined,
    openSource: () => Upload,
    ended: (outcome: SpillOutcome) => void,
  ) {
    this.#space = space;
    this.length = length;
    this.#openSource = openSource;
    this.#ended = ended;
    // A known length is reserved as a whole, so that the body is kept as a whole or not begun.
    if (length !== undefined && !this.#reserve(length)) this.#outcome = 'no_room';
  }

  get whole(): boolean {
    return this.#outcome === undefined && !this.#released;
  }

  open(): Upload {
    this.#source ??= this.#openSource();
    this.#active = new SpilledUpload(this);
    return this.#active;
  }

  /** Nobody will send it again. An upload that is under way goes on. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#settle();
  }

  // ---- an upload's side

  /** The next bytes of an upload; undefined: there are none. */
  async from(upload: SpilledUpload): Promise<Buffer | undefined> {
    const { position } = upload;
    for (;;) {
      // Its piece belongs to the next one.
      if (upload.stopped) return undefined;
      const newest = this.#newest;
      if (newest?.at === position) {
        // Whoever sends it may give its memory back.
        this.#newest = undefined;
        return newest.piece;
      }
      if (position < this.#size) return this.#read(position);
      if (this.#complete) return undefined;
      this.#pulling ??= this.#pull().finally(() => (this.#pulling = undefined));
      await this.#pulling;
    }
  }

  /** It needs no more bytes. */
  stopped(upload: SpilledUpload): void {
    if (this.#active !== upload) return;
    this.#active = undefined;
    this.#settle();
  }

  async #read(position: number): Promise<Buffer> {
    try {
      return await this.#file!.read(position);
    } catch (error) {
      this.#lose('failed', error);
      throw new TokenwardError('internal', { detail: 'a spilled request body could not be read again' });
    }
  }

  async #pull(): Promise<void> {
    const piece = await this.#source!.next();
    if (piece === undefined) {
      await this.#file?.written().catch((error: unknown) => this.#lose('failed', error));
      this.#complete = true;
      return;
    }
    if (this.whole) await this.#keep(piece);
    this.#newest = { at: this.#size, piece };
    this.#size += piece.length;
    this.#settle();
  }

  async #keep(piece: Buffer): Promise<void> {
    if (this.length === undefined && !this.#reserve(piece.length)) {
      this.#lose('no_room');
      return;
    }
    try {
      const file = this.#file ?? (await this.#space.create());
      // Released meanwhile.
      if (!this.whole) await file.close();
      else await (this.#file = file).append(piece);
    } catch (error) {
      if (!this.#released) this.#lose('failed', error);
    }
  }

  #reserve(bytes: number): boolean {
    if (!this.#space.tryReserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  #lose(outcome: SpillOutcome, error?: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    if (outcome === 'failed') this.#space.failed(error);
  }

  /** Gives back what nobody needs any more. */
  #settle(): void {
    if (this.whole) return;
    if (this.#released && this.#active === undefined) this.#source?.stop();
    // An upload may still be reading from the file.
    const isRead = this.#active !== undefined && this.#active.position < this.#size - (this.#newest?.piece.length ?? 0);
    if (isRead) return;
    const file = this.#file;
    this.#file = undefined;
    // The space is free once the file is closed.
    const reserved = this.#reservedBytes;
    this.#reservedBytes = 0;
    const free = (): void => this.#space.release(reserved);
    if (file === undefined) free();
    else file.close().then(free, free);
    if (this.#counted || this.#source === undefined) return;
    this.#counted = true;
    this.#ended(this.#outcome ?? 'kept');
    if (this.#outcome === undefined) this.#space.succeeded();
  }
}

/** One sending of a spilled body. */
class SpilledUpload implements Upload {
  readonly kept = false;
  position = 0;
  stopped = false;
  readonly #body: SpilledBody;

  constructor(body: SpilledBody) {
    this.#body = body;
  }

  async next(): Promise<Buffer | undefined> {
    const piece = await this.#body.from(this);
    if (piece === undefined) this.#body.stopped(this);
    else this.position += piece.length;
    return piece;
  }

  stop(): void {
    this.stopped = true;
    this.#body.stopped(this);
  }
}
