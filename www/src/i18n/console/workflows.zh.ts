import type { workflowsEn } from "./workflows.en.ts";

export const workflowsZh: Record<keyof typeof workflowsEn, string> = {
  "workflows.heading": "工作流",
  "workflows.lead": "上传的文件如何处理：清晰度、加密、封面与发布方式。",
};
