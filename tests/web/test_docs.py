"""The documentation works with the network off and shows how to sign in."""

import re

import httpx


async def test_the_start_page_leads_to_the_documentation(bare_client: httpx.AsyncClient) -> None:
    answered = await bare_client.get("/")

    assert (answered.status_code, answered.headers["location"]) == (302, "/docs")


async def test_the_page_asks_nothing_of_other_hosts(bare_client: httpx.AsyncClient) -> None:
    page = await bare_client.get("/docs")

    assert page.status_code == 200
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text)
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert files == ["/docs/assets/swagger-ui.css", "data:,", "/docs/assets/swagger-ui-bundle.js"]
    for path in files:
        if path.startswith("/"):
            assert (await bare_client.get(path)).status_code == 200


async def test_only_our_files_and_the_scripts_of_the_page_may_run(bare_client: httpx.AsyncClient) -> None:
    page = await bare_client.get("/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert len(policy["script-src"].split()) == 1 + page.text.count("<script>")
    assert "unsafe" not in policy["script-src"]
    assert "http" not in page.headers["content-security-policy"]


async def test_the_schema_lets_one_authorize_and_shows_problem_documents(bare_client: httpx.AsyncClient) -> None:
    schema = (await bare_client.get("/openapi.json")).json()

    assert schema["components"]["securitySchemes"]["bearerToken"]["scheme"] == "bearer"
    assert schema["paths"]["/api/me"]["get"]["security"] == [{"bearerToken": []}]
    assert "security" not in schema["paths"]["/api/config"]["get"]
    for path in schema["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["4XX"]["content"]
            assert "422" not in operation["responses"]
    assert not {"/", "/docs", "/openapi.json"} & set(schema["paths"])
