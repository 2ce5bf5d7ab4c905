import { PageHeader } from "../ui/page-header.tsx";

export function TitlePage({ id }: { id: string }) {
  return <PageHeader title={id} />;
}
