"""For those who deploy elsewhere than on Azure ML: a Dockerfile with what it copies, and a launch file for editors.

The plan goes in, texts come out. Free text stands in quotes that nothing in it can leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.azure import rules
from packager.bundle.deploy import server_variables, worker_timeout_s
from packager.bundle.render import environment
from packager.bundle.requirements import container_requirements
from packager.files import pretty_json

if TYPE_CHECKING:
    from packager.bundle.plan import BundlePlan
    from packager.recipe.deploy import Deploy

# Of the bundle, an image holds these alone; the file lies where BuildKit looks for it.
IGNORED = "*\n!code\n!model\n!container/requirements.txt\n"
PORT = 5001
_APP = "azureml_inference_server_http.server.entry:app"
# The container gives these to gunicorn.
_GIVEN = ("WORKER_COUNT", "WORKER_TIMEOUT")


def container_files(plan: BundlePlan, python: str) -> dict[str, str]:
    """Return the texts of container/ and of the launch file by their paths in the bundle."""
    requirements = container_requirements(python)
    return {
        "container/Dockerfile": render_dockerfile(plan, python, unhashed=requirements.unhashed),
        "container/Dockerfile.dockerignore": IGNORED,
        "container/requirements.txt": requirements.text,
        ".vscode/launch.json": render_launch(plan.deploy),
    }


def render_dockerfile(plan: BundlePlan, python: str, *, unhashed: tuple[str, ...] = ()) -> str:
    """Return the Dockerfile, which serves as the deployment does: as many workers, the same time-outs."""
    return (
        environment()
        .get_template("Dockerfile.j2")
        .render(
            python=python,
            unhashed=unhashed,
            workers=plan.deploy.workers,
            worker_timeout_s=worker_timeout_s(plan.deploy),
            variables=_variables(plan.deploy),
            probe=plan.deploy.liveness_probe,
            name=plan.name,
            version=plan.version,
        )
    )


def render_launch(deploy: Deploy) -> str:
    """Return the launch file: one worker that nothing replaces, so that a breakpoint may hold it."""
    folder = "${workspaceFolder}"
    # An editor fills in ${...}, and may run commands for it.
    own = {name: value for name, value in _variables(deploy) if "${" not in value}
    launched: dict[str, Any] = {
        "name": "Step through score.py",
        "type": "debugpy",
        "request": "launch",
        "module": "gunicorn",
        "args": ["--bind", f"127.0.0.1:{PORT}", "--workers", "1", "--timeout", "0", "--access-logfile", "-", _APP],
        "cwd": folder,
        "env": {
            **own,
            "AML_APP_ROOT": f"{folder}/code",
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "AZUREML_MODEL_DIR": f"{folder}/model",
            "AML_APP_INSIGHTS_ENABLED": "false",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        "justMyCode": False,
        "subProcess": True,
    }
    return pretty_json({"version": "0.2.0", "configurations": [launched]})


def _variables(deploy: Deploy) -> list[tuple[str, str]]:
    """Return the deployment's variables but those that only Azure ML can fill in."""
    return [
        (name, value)
        for name, value in sorted(server_variables(deploy).items())
        if rules.is_variable(name) and name not in _GIVEN and not rules.is_injected(value)
    ]
