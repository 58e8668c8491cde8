// Owns the real parts tests run against: Postgres, NATS, far ends, examples.
// Never is a dependency of anything that ships.
