G;
