"""Checks docs/ against the product: YAML against the CRDs, commands, links, and the names of flags, values, annotations and metrics."""

import copy
import pathlib
import re
import shlex
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GROUP = "dataiku-operator.io"
# Programs that the pages may call. What a page sets up itself (a shell function) is found in the page.
PROGRAMS = {"argocd", "base64", "cargo", "cd", "curl", "dataiku-operator", "date", "docker", "echo", "export", "flux", "grep", "helm", "jq", "kill", "kubectl", "make", "cat", "for", "do", "done", "sleep"}
KUBECTL = {"annotate", "apply", "delete", "describe", "edit", "explain", "get", "label", "logs", "patch", "port-forward", "rollout", "scale", "wait", "create"}
HELM = {"install", "upgrade", "uninstall", "rollback", "template"}
REFERENCE = "reference"


class Problems:
    def __init__(self):
        self.all = []

    def add(self, page, line, text):
        self.all.append(f"{page.relative_to(ROOT)}:{line}: {text}")


def closed(schema):
    """The schema, with every object of known fields closed to others, as the apiserver's strict validation has it."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if "properties" in schema and "additionalProperties" not in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema["additionalProperties"] = False
        if schema.pop("nullable", False) and isinstance(schema.get("type"), str):
            schema["type"] = [schema["type"], "null"]
        if schema.pop("x-kubernetes-int-or-string", False):
            schema.pop("type", None)
        return schema
    return [closed(one) for one in schema] if isinstance(schema, list) else schema


class Definitions:
    def __init__(self):
        self.schemas, self.names = {}, {"dataiku"}
        for path in (ROOT / "crds").glob(f"*.{GROUP}.yaml"):
            definition = yaml.safe_load(path.read_text())
            names = definition["spec"]["names"]
            for version in definition["spec"]["versions"]:
                schema = closed(copy.deepcopy(version["schema"]["openAPIV3Schema"]))
                # Kubernetes owns these.
                schema["properties"].update(apiVersion={}, kind={}, metadata={"type": "object"})
                self.schemas[(f"{GROUP}/{version['name']}", names["kind"])] = schema
            self.names |= {names["plural"], names["singular"], *names.get("shortNames", [])}

    def kinds(self):
        return {kind: schema for (_, kind), schema in self.schemas.items()}


def fences(text):
    """Fenced blocks, also inside of lists: language, first line, text."""
    language, start, indent, block = None, 0, "", []
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"^(\s*)```\s*(\S*)", line)
        if language is None:
            if fence:
                indent, language, start, block = fence.group(1), fence.group(2), number + 1, []
        elif fence and not fence.group(2):
            yield language, start, "\n".join(block)
            language = None
        else:
            block.append(line.removeprefix(indent))


def without_fences(text):
    """The text with the lines of fenced blocks emptied."""
    inside, lines = False, []
    for line in text.splitlines():
        if re.match(r"^\s*```", line):
            inside = not inside
            lines.append("")
        else:
            lines.append("" if inside else line)
    return "\n".join(lines)


def check_yaml(page, line, text, definitions, values_schema, problems):
    try:
        documents = [one for one in yaml.safe_load_all(text) if one is not None]
    except yaml.YAMLError as error:
        return problems.add(page, line, f"no YAML: {error}")
    for document in documents:
        if text.startswith("# values.yaml"):
            schema = values_schema
        elif not isinstance(document, dict) or "kind" not in document:
            problems.add(page, line, "a YAML block is a whole object, or begins with the line `# values.yaml`")
            continue
        elif not document["apiVersion"].startswith(f"{GROUP}/"):
            continue
        else:
            schema = definitions.schemas.get((document["apiVersion"], document["kind"]))
            if schema is None:
                problems.add(page, line, f"there is no kind {document['apiVersion']} {document['kind']}")
                continue
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
            place = "/".join(str(part) for part in error.absolute_path)
            problems.add(page, line, f"{document.get('kind', 'values')} {place}: {error.message}")


def commands(text):
    """Simple commands of a shell text, each with the line it begins in. Quoted texts may span lines."""
    buffer, start = "", 0
    for number, line in enumerate(text.splitlines()):
        if not buffer:
            start = number
        buffer += line.removesuffix("\\") + ("\n" if not line.endswith("\\") else " ")
        try:
            words = shlex.split(buffer, comments=True)
        except ValueError:
            continue
        if line.endswith("\\"):
            continue
        buffer = ""
        command = []
        for word in [*words, ";"]:
            if word in {"|", "&&", "||", ";", "&", ">", "<", "2>"} or word.endswith(";"):
                command.append(word.removesuffix(";"))
                command = [one for one in command if one not in {"", "|", "&&", "||", "&", ">", "<", "2>"}]
                if command:
                    yield start, command
                command = []
            else:
                command.append(word)


def check_command(page, line, words, definitions, values, functions, problems):
    while words and re.match(r"^[A-Za-z_]+=", words[0]):
        words = words[1:]
    if not words:
        return
    program, rest = words[0], words[1:]
    if program in functions or program.startswith(("target/", "tests/", "./", "(", "}", "{")):
        return
    if program.endswith((".json", ".yaml", "()")):
        return
    if program not in PROGRAMS:
        return problems.add(page, line, f"no known program: {program}")
    if program == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
        for target in rest:
            if "=" not in target and target not in targets:
                problems.add(page, line, f"the Makefile has no target {target}")
    if program == "kubectl":
        verb = next((word for word in rest if not word.startswith("-") and rest[max(rest.index(word) - 1, 0)] not in {"-n", "--namespace"}), "")
        if verb not in KUBECTL:
            problems.add(page, line, f"kubectl has no verb {verb}, or the check does not know it")
        for word in rest:
            name = re.split(r"[/.]", word)[0]
            if re.match(r"^(dss|govern|launchpad|gv|lp)[a-z]*s?$", name) and name not in definitions.names and "=" not in word:
                problems.add(page, line, f"no kind is called {name}")
    if program == "helm":
        if rest[0] not in HELM:
            problems.add(page, line, f"helm {rest[0]}: not known to the check")
        for flag, value in zip(rest, rest[1:]):
            if flag == "--set" and not has_value(values, value.split("=")[0]):
                problems.add(page, line, f"the chart has no value {value}")
    for word in rest:
        if re.match(r"^(deploy|charts|examples|crds|tests)/", word) and not (ROOT / word).exists():
            problems.add(page, line, f"{word} does not exist")


def has_value(values, path):
    for part in path.split("."):
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def slug(heading):
    heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.strip()).replace("`", "")
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def anchors(page):
    found = set()
    for heading in re.findall(r"^#+ (.*)$", without_fences(page.read_text()), re.M):
        name, count = slug(heading), 1
        while name in found:
            name = f"{slug(heading)}-{count}"
            count += 1
        found.add(name)
    return found


def check_links(page, text, problems):
    for number, line in enumerate(without_fences(text).splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]*)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"^[a-z]+:", target) or not target:
                continue
            path, _, anchor = target.partition("#")
            other = (page.parent / path).resolve() if path else page
            if DOCS not in other.parents or not other.is_file():
                problems.add(page, number, f"the link {target} leads out of the book or to nothing")
            elif anchor and other.suffix == ".md" and anchor not in anchors(other):
                problems.add(page, number, f"the link {target} has no heading {anchor}")


def check_names(page, text, definitions, values, source, problems):
    flags = {name.replace("_", "-") for name in re.findall(r"^    pub (\w+):", (ROOT / "src/args.rs").read_text(), re.M)}
    flags |= set(re.findall(r'long = "([a-z-]+)"', source))
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(rf"(?<![.\w]){re.escape(GROUP)}/([a-z-]+)", line):
            if f"{GROUP}/{name}" not in source and name != "v":
                problems.add(page, number, f"no annotation {name} in src/")
        for flag in re.findall(r"run --([a-z-]+)", line):
            if flag not in flags:
                problems.add(page, number, f"run has no option --{flag}")
        for metric in re.findall(r"dataiku_operator_([a-z_]+)", line):
            if not any(f'"{metric.removesuffix(suffix)}"' in source for suffix in ("", "_total", "_bucket", "_count", "_sum")):
                problems.add(page, number, f"no metric {metric} in src/")
        for value in re.findall(r"`((?:operator|metrics|crds|image|networkPolicy|rbac|leaderElection|global)\.[A-Za-z.]+)`", line):
            if not has_value(values, value):
                problems.add(page, number, f"the chart has no value {value}")


def check_fields(page, text, kinds, problems):
    for number, line in enumerate(text.splitlines(), 1):
        for token in re.findall(r"`((?:Dss|Govern|Launchpad)[A-Za-z]*\.(?:spec|status)[A-Za-z.\[\]]*)`", line):
            kind, *path = token.split(".")
            schema = kinds.get(kind)
            for name in path:
                schema = (schema or {}).get("properties", {}).get(name.removesuffix("[]"))
                if schema and name.endswith("[]"):
                    schema = schema.get("items")
            if schema is None:
                problems.add(page, number, f"there is no field {token}")


def check_reasons(source, problems):
    """Every reason of the engine has a row in reasons.md, and the other way round."""
    body = re.search(r"pub enum Reason \{(.*?)\n\}", source, re.S).group(1)
    reasons = set(re.findall(r"^    (\w+),", body, re.M))
    page = DOCS / "reasons.md"
    table = page.read_text().split("\n## ")[0]
    rows = set(re.findall(r"`([A-Z]\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))))
    for name in sorted(reasons ^ rows):
        problems.add(page, 1, f"{name} is a reason here or in src/, and not in both")


def main():
    definitions, problems = Definitions(), Problems()
    values = yaml.safe_load((ROOT / "charts/dataiku-operator/values.yaml").read_text())
    values_schema = yaml.safe_load((ROOT / "charts/dataiku-operator/values.schema.json").read_text())
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.rs"))
    summary = (DOCS / "SUMMARY.md").read_text()
    pages = sorted(path for path in DOCS.rglob("*.md"))
    counted = {"yaml": 0, "commands": 0}
    for page in pages:
        text = page.read_text()
        name = str(page.relative_to(DOCS))
        if name != "SUMMARY.md" and f"({name})" not in summary:
            problems.add(page, 1, "is not in SUMMARY.md")
        check_links(page, text, problems)
        history = name.startswith("adr/")
        if not history:
            check_names(page, text, definitions, values, source, problems)
        if not history and name != "coverage.md":
            check_fields(page, text, definitions.kinds(), problems)
        functions = set(re.findall(r"^\s*(\w+)\(\)", text, re.M))
        blocks = list(fences(text))
        indented = [(number, line.strip()) for number, line in enumerate(without_fences(text).splitlines(), 1) if re.match(r"^    (kubectl|helm|make) ", line)]
        blocks += [("sh", number, line.removesuffix("\\")) for number, line in indented]
        for language, line, block in blocks:
            if language in {"yaml", "yml"}:
                counted["yaml"] += 1
                check_yaml(page, line, block, definitions, values_schema, problems)
            if language in {"sh", "bash"} and name != "simulator.md":
                for offset, words in commands(block):
                    counted["commands"] += 1
                    check_command(page, line + offset, words, definitions, values, functions, problems)
    check_reasons(source, problems)
    readme = ROOT / "README.md"
    check_names(readme, readme.read_text(), definitions, values, source, problems)
    for language, line, block in fences(readme.read_text()):
        if language == "yaml":
            check_yaml(readme, line, block, definitions, values_schema, problems)
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        check_yaml(example, 1, example.read_text(), definitions, values_schema, problems)
    for problem in problems.all:
        print(problem, file=sys.stderr)
    print(f"{len(pages)} pages, {counted['yaml']} YAML blocks, {counted['commands']} commands, {len(problems.all)} problems")
    return 1 if problems.all else 0


if __name__ == "__main__":
    sys.exit(main())
