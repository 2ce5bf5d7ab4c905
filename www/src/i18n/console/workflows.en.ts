export const workflowsEn = {
  "workflows.heading": "Workflows",
  "workflows.lead": "What is made of an uploaded file: qualities, encryption, cover, publishing.",
};
