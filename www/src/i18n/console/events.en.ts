export const eventsEn = {
  "events.heading": "Events & webhooks",
  "events.lead": "What happened, and who is told.",
};
