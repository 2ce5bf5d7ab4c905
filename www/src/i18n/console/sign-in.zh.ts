import type { signInEn } from "./sign-in.en.ts";

export const signInZh: Record<keyof typeof signInEn, string> = {
  "signIn.heading": "登录",
  "signIn.lead": "您的视频，逐片加密，运行在您自己的服务器上。",
  "signIn.name": "用户名",
  "signIn.password": "密码",
  "signIn.submit": "登录",
  "signIn.pending": "正在登录…",
  "signIn.again": "您已退出登录，请重新登录以继续。",
  "signIn.help": "还没有账号？请管理员在服务器上创建：key-server user create。",
  "account.menu": "账号：{name}",
  "account.password": "修改密码",
  "account.signOut": "退出登录",
  "account.password.current": "当前密码",
  "account.password.next": "新密码",
  "account.password.next.hint": "至少 12 个字符。",
  "account.password.repeat": "再次输入新密码",
  "account.password.short": "请至少使用 12 个字符。",
  "account.password.differs": "两次输入不一致。",
  "account.password.submit": "修改密码",
  "account.password.done": "密码已修改，其他浏览器已退出登录。",
};
