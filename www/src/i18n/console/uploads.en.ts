export const uploadsEn = {
  "uploads.heading": "Uploads",
};
