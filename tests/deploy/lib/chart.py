"""Lints and renders a chart by Helm's own library, and checks what comes out against Kubernetes' schemas.

Reads {"chart", "values", "kubernetes"} from standard input, writes {"lint", "error", "documents", "invalid", "unchecked"}.
"""

import json
import sys

import helm_python as helm
import kubernetes_validate
import yaml


def main():
    asked = json.load(sys.stdin)
    told = {"lint": [], "error": None, "documents": [], "invalid": [], "unchecked": []}
    try:
        linted = helm.lint(asked["chart"], asked["values"], strict=True)
        # 1 is a hint: that there is no icon.
        told["lint"] = [message["error"] for message in linted["messages"] if message["severity"] > 1]
        with helm.Chart.load(asked["chart"]) as chart:
            chart.validate_schema(asked["values"])
            rendered = chart.render(asked["values"], name="demo", namespace="prod")
    except helm.HelmError as error:
        told["error"] = str(error)
        rendered = {}
    for name, text in rendered.items():
        if name.endswith(".yaml"):
            told["documents"] += [document for document in yaml.safe_load_all(text) if document]
    for document in told["documents"]:
        name = f"{document['kind']} {document['metadata']['name']}"
        try:
            kubernetes_validate.validate(document, asked["kubernetes"], strict=True)
        except kubernetes_validate.ValidationError as error:
            told["invalid"].append(f"{name}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            told["unchecked"].append(document["kind"])
    json.dump(told, sys.stdout)


main()
