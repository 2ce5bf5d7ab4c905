export const titleEn = {
  "title.heading": "Title",
};
