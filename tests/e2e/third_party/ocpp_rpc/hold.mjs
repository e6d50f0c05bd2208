// A hold on the one place of a charge point: for one token, until its expiry.

/** Keeps at most one hold. `onExpiry` is told when it runs out unused. */
export class Hold {
  constructor(onExpiry) {
    this.onExpiry = onExpiry;
    this.held = null; // { id, token, timer }
  }

  get id() {
    return this.held?.id;
  }

  /** Whether somebody else's hold keeps this token, or this number, away. */
  isFor(other) {
    return this.held !== null && this.held.token !== other;
  }

  /** The same number replaces the hold; another number finds the place occupied. */
  make(id, token, expiry) {
    if (this.held && this.held.id !== id) return 'Occupied';
    this.forget();
    const left = Math.max(0, new Date(expiry).getTime() - Date.now());
    const timer = setTimeout(() => this.expire(id), Math.min(left, 2 ** 31 - 1));
    this.held = { id, token, timer };
    return 'Accepted';
  }

  cancel(id) {
    if (this.held?.id !== id) return 'Rejected';
    this.forget();
    return 'Accepted';
  }

  /** The number of the hold that this token uses now, or undefined. */
  use(token) {
    if (this.held?.token !== token) return undefined;
    const { id } = this.held;
    this.forget();
    return id;
  }

  forget() {
    clearTimeout(this.held?.timer);
    this.held = null;
  }

  expire(id) {
    if (this.held?.id !== id) return;
    this.held = null;
    this.onExpiry(id);
  }
}
