// Owns the product's decisions: match, message, outcome, decide, schedule.
// Never does I/O, reads no clock and draws no random numbers.
