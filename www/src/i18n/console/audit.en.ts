export const auditEn = {
  "audit.heading": "Audit",
  "audit.lead": "Every release of keys and every act of administration, in a chain that shows tampering.",
};
