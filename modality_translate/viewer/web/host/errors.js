/** What the person at the page is told: what came, what was wanted, what to do. */
export class HostError extends Error {
  constructor(reason, remedy = "") {
    super(remedy ? `${reason} ${remedy}` : reason);
    this.name = "HostError";
  }
}
