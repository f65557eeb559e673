"""Views that leave something on the session of their connection, in all the ways that there are."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import connection, models
from django.db.backends.signals import connection_created
from django.db.models import Value
from django.db.models.expressions import RawSQL
from django.dispatch import receiver
from django.urls import path

from django_asynckit.workers import keeps_no_connection_state
from tests.databases.models import Note
from tests.databases.urls import run_declared_sql, session, text, write_and_fail

TEXT = models.TextField()
SET_CONFIG = "set_config('app.left', 'mine', false)"


class Leave(models.Func):
    """An expression of the project's own."""

    function = "leave"
    output_field = TEXT


class LeaveTransform(models.Transform):
    lookup_name = "leave"

    def as_sql(self, compiler, connection):
        sql, params = compiler.compile(self.lhs)
        return f"(leave() || {sql})", params


models.CharField.register_lookup(LeaveTransform)


def pass_on(execute, sql, params, many, context):
    return execute(sql, params, many, context)


@receiver(connection_created)
def set_up(connection, **_):
    """What a project does to each new connection."""
    connection.execute_wrappers.append(pass_on)
    connection.set_up = getattr(connection, "set_up", 0) + 1
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET app.set_up = 'yes'")


@keeps_no_connection_state
def what_is_set_up() -> str:
    count = connection.execute_wrappers.count(pass_on)
    return f"{count} {connection.set_up} {run_declared_sql('SHOW app.set_up')}"


def run(sql: str, params=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()[0] if cursor.description else None


def by_func():
    func = models.Func(
        Value("app.left"), Value("mine"), Value(False), function="set_config", output_field=TEXT
    )
    list(Note.objects.annotate(left=func)[:1])


def by_template():
    list(Note.objects.annotate(left=models.functions.Lower("text", template="leave()"))[:1])


def by_update():
    Note.objects.filter(pk=-1).update(text="never")
    Note.objects.filter(pk=Note.objects.earliest("pk").pk).update(text=RawSQL(SET_CONFIG, ()))


def by_subquery():
    inner = Note.objects.filter(pk=models.OuterRef("pk")).annotate(left=Leave())
    list(Note.objects.annotate(left=models.Subquery(inner.values("left")))[:1])


def by_union():
    own = Note.objects.annotate(left=Leave()).values_list("left")
    list(Note.objects.values_list("tenant").union(own))


def by_wrapper():
    def wrapper(execute, sql, params, many, context):
        execute(f"SELECT {SET_CONFIG}", (), False, context)
        return execute(sql, params, many, context)

    connection.execute_wrappers.append(wrapper)
    Note.objects.count()


def by_temporary_connection():
    with connection.temporary_connection() as cursor:
        cursor.execute(f"SELECT {SET_CONFIG}")


def by_drivers_cursor():
    cursor = connection.create_cursor()
    cursor.execute(f"SELECT {SET_CONFIG}")


def by_drivers_connection():
    connection.ensure_connection()
    connection.connection.execute(f"SELECT {SET_CONFIG}")


def by_prepared_statements():
    connection.ensure_connection()
    for _ in range(7):  # psycopg prepares after five, if it may.
        run("SELECT %s || (SELECT leave())", ["a"])
        list(Note.objects.filter(text=Value("a")).annotate(left=Leave())[:1])


def row_factory():
    with connection.cursor() as cursor:
        cursor.connection.row_factory = lambda cursor: lambda values: ["broken"]


def row_factory_of_result():
    with connection.cursor() as cursor:
        result = cursor.execute("SELECT 1")
        result.connection.row_factory = lambda cursor: lambda values: ["broken"]


def no_constraints():
    connection.disable_constraint_checking()


def schema_editor():
    with connection.schema_editor() as editor:
        editor.execute("SELECT leave()", ())


@keeps_no_connection_state
def checks_constraints():
    return run_declared_sql("SELECT @@foreign_key_checks")


@keeps_no_connection_state
def checks_constraints_of_sqlite():
    return run_declared_sql("PRAGMA foreign_keys")


WAYS = {
    "func": by_func,
    "template": by_template,
    "raw-sql": lambda: list(Note.objects.annotate(left=RawSQL(SET_CONFIG, ()))[:1]),
    "filter": lambda: list(Note.objects.filter(text=RawSQL(SET_CONFIG, ()))[:1]),
    "order": lambda: list(Note.objects.order_by(RawSQL(SET_CONFIG, ()))[:1]),
    "extra": lambda: list(Note.objects.extra(select={"left": SET_CONFIG})[:1]),
    "extra-where": lambda: Note.objects.extra(where=[f"{SET_CONFIG} = 'mine'"]).count(),
    "own-func": lambda: list(Note.objects.annotate(left=Leave())[:1]),
    "own-transform": lambda: Note.objects.filter(text__leave="x").count(),
    "values": lambda: list(Note.objects.values_list(Leave())[:1]),
    "aggregate": lambda: Note.objects.aggregate(left=models.Max(Leave())),
    "update": by_update,
    "subquery": by_subquery,
    "union": by_union,
    "exists": lambda: Note.objects.annotate(left=Leave()).filter(left="").exists(),
    "raw": lambda: list(Note.objects.raw(f"SELECT id, {SET_CONFIG} FROM databases_note")),
    "wrapper": by_wrapper,
    "temporary": by_temporary_connection,
    "drivers-cursor": by_drivers_cursor,
    "drivers-connection": by_drivers_connection,
    "prepared": by_prepared_statements,
    "row-factory": row_factory,
    "row-factory-of-result": row_factory_of_result,
    "no-constraints": no_constraints,
    "schema-editor": schema_editor,
}


async def leave(request, how: str):
    """Leave something in the way of that name, or by the SQL that is given."""
    if how == "sql":
        return text(await sync_to_async(run)(request.GET["sql"]))
    return text(await sync_to_async(WAYS[how])() and "left")


def leave_sync(request, how: str):
    return text(WAYS[how]() and "left")


async def look(request):
    """Ask for what is left, in a way that leaves nothing."""
    return text(await sync_to_async(run_declared_sql)(request.GET["sql"]))


async def received(request):
    """What receivers of connection_created have done, once."""
    await Note.objects.acount()
    return text(await sync_to_async(what_is_set_up)())


async def pid(request):
    """As people do it."""
    return text(await sync_to_async(run)("SELECT pg_backend_pid()"))


def pid_sync(request):
    return text(run("SELECT pg_backend_pid()"))


urlpatterns = [
    path("", lambda request: text("here")),
    path("session/", session),
    path("leave/<how>/", leave),
    path("leave-sync/<how>/", leave_sync),
    path("look/", look),
    path("received/", received),
    path("fail/", write_and_fail),
    path("pid/", pid),
    path("pid/sync/", pid_sync),
]
