//! What the server tells its operator: metrics, request ids in the log, spans; and what none of them may hold.

mod collector;
mod counting;
mod exposed;
mod scrape;
mod secrets;
mod traces;
