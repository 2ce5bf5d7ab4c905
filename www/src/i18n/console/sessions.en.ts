export const sessionsEn = {
  "sessions.heading": "Sessions",
  "sessions.lead": "Who is watching, and a way to stop it.",
};
