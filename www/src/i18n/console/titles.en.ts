export const titlesEn = {
  "titles.heading": "Titles",
};
