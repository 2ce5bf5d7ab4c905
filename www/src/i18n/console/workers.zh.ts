import type { workersEn } from "./workers.en.ts";

export const workersZh: Record<keyof typeof workersEn, string> = {
  "workers.heading": "工作节点",
  "workers.lead": "负责转码和加密，运行在本服务器或其他机器上，为此安装的所有应用服务。",
  "workers.name": "工作节点",
  "workers.state": "状态",
  "workers.version": "版本",
  "workers.capacities": "能力",
  "workers.cpus": "{count} 个 CPU",
  "workers.noFfmpeg": "没有可用的 ffmpeg：仅能重新加密",
  "workers.jobs": "任务",
  "workers.jobs.of": "{running} / {max}",
  "workers.jobs.others": "其他应用的任务：{count}",
  "workers.none": "没有工作节点",
  "workers.none.text":
    "没有工作节点就无法转码：请启用服务器自带的工作节点，或用“key-server worker create”创建密钥，在其他机器上运行“packager worker”。",
  "workers.drain": "停止接单",
  "workers.drain.for": "让工作节点 {name} 停止接单",
  "workers.drain.title": "让“{name}”停止接单？",
  "workers.drain.text":
    "它会完成手头的任务，不再接受任何应用的新任务，直到您重新允许。若以 --exit-when-drained 启动，完成后即退出。",
  "workers.drained": "“{name}”不再接受新任务。",
  "workers.undrain": "恢复接单",
  "workers.undrain.for": "让工作节点 {name} 恢复接单",
  "workers.undrained": "“{name}”已恢复接受任务。",
};
