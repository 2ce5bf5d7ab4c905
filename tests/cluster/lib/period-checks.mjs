// What must hold after each of so many sessions was opened and asked once. Answers what does not, as sentences.

/** `told`: what tests/cluster/simulate.mjs writes, but for this. */
export function mismatches(sessions, { opening, period, rows, chain }) {
  const refused = Object.entries(period.refused).map(([code, count]) => `${count} were refused: ${code}`);
  const audit = (kind) => rows.audit[kind] ?? 0;
  const wrong = [
    differs("sessions that were opened", opening.opened, sessions),
    differs("sessions that asked", period.asked, sessions),
    differs("requests that were answered", period.answered, sessions),
    differs("requests that were lost", period.lost, 0),
    differs("grants that do not open, or hold other keys", period.grantsUnreadable, 0),
    period.residentKib.includes(null) && "a server is gone",
    period.grantsOpened === 0 && "no grant was looked into",
    differs("rows in sessions", rows.sessions, sessions),
    differs("sessions that count two releases", rows.releasedTwice, sessions),
    differs("sessions with a release of keys in the audit log", rows.askedInAudit, sessions),
    differs("openings in the audit log", audit("session_started"), sessions),
    differs("releases of keys in the audit log", audit("keys_released"), sessions),
    differs("sessions that were suspected", audit("session_suspected"), 0),
    !chain.holds && `the audit log does not hold: ${chain.said}`,
  ];
  return [...refused, ...wrong].filter(Boolean);
}

function differs(what, found, wanted) {
  return found !== wanted && `${what}: ${found} instead of ${wanted}`;
}
