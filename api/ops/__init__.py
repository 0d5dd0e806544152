"""The operations page `/ops`: what is happening, which calls need a person, and what to press.

Each page is a module with a router here and a template of its own; `session` says who is there, `pages` how it looks.
"""

from fastapi import FastAPI

from api.ops import attention, call, call_mend, files, groups, live, pages, pops, search, session, setup

# The first route that fits an address answers.
ROUTERS = (
    files.router,
    session.router,
    live.router,
    search.router,
    attention.router,
    groups.router,
    pops.router,
    setup.router,
    call_mend.router,
    call.router,
)


def install(app: FastAPI) -> None:
    """Add the pages to the gateway. Each asks by itself who is there: a browser is sent to the sign-in form."""
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(session.NobodySignedIn, session.to_the_form)
    app.add_exception_handler(pages.Refused, pages.refusal)
