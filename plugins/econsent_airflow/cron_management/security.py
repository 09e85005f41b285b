"""Who may see and who may act. Airflow's auth manager decides; nothing here knows a user or a role.

1. Every route asks for a user whom Airflow knows, and who may see plugins' pages: ``reader``.
2. A job is shown to whoever may read its DAG.
3. An action also needs proof that the page itself sent it, because the session's cookie comes along with any request: ``from_our_page``.
4. What an action does is done by Airflow's API with the user's own rights (``airflow_api``), which is where a viewer is refused.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, Header, HTTPException, Request, status

SAME_ORIGIN: Final = "same-origin"
JSON: Final = "application/json"


def reader(user: GetUserDep) -> BaseUser:
    """Return the user who asks. Raises 401 (from Airflow) for nobody, 403 for one who may not see plugins' pages."""
    if not get_auth_manager().is_authorized_view(access_view=AccessView.PLUGINS, user=user):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, "You may not see Cron Management: ask an administrator for the right to read plugins."
        )
    return user


Reader = Annotated[BaseUser, Depends(reader)]


def from_our_page(
    request: Request, content_type: Annotated[str, Header()] = "", sec_fetch_site: Annotated[str | None, Header()] = None
) -> None:
    """Refuse what another site could make a browser send.

    A form cannot send JSON, and a browser says where a request comes from. Programs send no such header, so they have to bring a token in
    the header, which no browser adds by itself. Raises 415 and 403.
    """
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise HTTPException(status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, f"Actions are sent as {JSON}.")
    has_token = request.headers.get("authorization", "").lower().startswith("bearer ")
    if sec_fetch_site != SAME_ORIGIN and not (has_token and sec_fetch_site is None):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This action did not come from Cron Management's own page, so it was not done.")


def readable(user: BaseUser, dag_ids: Iterable[str]) -> list[str]:
    """Return those DAGs that the user may read, in their order."""
    return [dag_id for dag_id in dag_ids if may(user, dag_id, "GET")]


def may(user: BaseUser, dag_id: str, method: Literal["GET", "POST", "PUT", "DELETE"], entity: DagAccessEntity | None = None) -> bool:
    """Say whether the user may do ``method`` (GET, POST, PUT, DELETE) to a DAG, or to one kind of thing of it."""
    return get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=DagDetails(id=dag_id), user=user)


def may_read_audit(user: BaseUser) -> bool:
    """Say whether the user may read who did what."""
    return get_auth_manager().is_authorized_dag(method="GET", access_entity=DagAccessEntity.AUDIT_LOG, user=user)
