from pathlib import Path

from reconciler.manifest import build


def test_build_writes_one_file_without_templates(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "templates: {clients: {t: {client_type: resource_server, visibility: public}}}\n"
        "projects:\n"
        "  p:\n"
        "    id: 3F1C2B6E-8D5A-4C0E-9A55-0D8F6B1E7C21\n"
        "    clients:\n"
        "      web: {extends: t, name: '1_0', scopes: {s: {description: 'on', name: 'S #1'}}}\n"
        "outputs: {ID: client/p/web.id}\n"
        "removed: [{address: client/p/old}]\n",
        encoding="utf-8",
    )
    assert build([tmp_path])[1] == (
        "version: 1\n"
        "projects:\n"
        "  p:\n"
        "    id: 3F1C2B6E-8D5A-4C0E-9A55-0D8F6B1E7C21\n"
        "    clients:\n"
        "      web:\n"
        "        name: '1_0'\n"
        "        client_type: resource_server\n"
        "        visibility: public\n"
        "        scopes:\n"
        "          s:\n"
        "            name: 'S #1'\n"
        "            description: 'on'\n"
        "removed:\n"
        "- address: client/p/old\n"
        "  keep: false\n"
        "outputs:\n"
        "  ID: client/p/web.id\n"
    )


def test_no_line_begins_with_what_a_text_says(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "projects:\n"
        "  p:\n"
        "    id: 3f1c2b6e-8d5a-4c0e-9a55-0d8f6b1e7c21\n"
        '    display_name: "P"\n'
        "    policies:\n"
        "      login:\n"
        "        display_name: Login\n"
        '        description: "one\\n\\n::set-output name=x::y\\n"\n',
        encoding="utf-8",
    )
    _, built = build([tmp_path])
    assert 'description: "one\\n\\n::set-output name=x::y\\n"' in built
    assert not [line for line in built.splitlines() if line.lstrip().startswith("::")]
