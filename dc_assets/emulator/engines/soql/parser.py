"""A recursive-descent parser for the part of SOQL the emulator answers."""

from __future__ import annotations

from typing import NoReturn

from dc_assets.emulator.engines.soql.tokens import SoqlToken, fail, tokens_of
from dc_assets.emulator.engines.soql.tree import (
    Aggregate,
    Comparison,
    Condition,
    Expression,
    FieldRef,
    Junction,
    Membership,
    Negation,
    OrderItem,
    Query,
    SelectItem,
)

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
OPERATORS = frozenset({"=", "!=", "<>", "<", ">", "<=", ">="})
LITERALS = frozenset({"text", "number", "date", "datetime"})
WORD_LITERALS = frozenset({"NULL", "TRUE", "FALSE"})
KEYWORDS = frozenset(
    {"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "AND", "OR", "NOT", "IN"}
    | {"LIKE", "ASC", "DESC", "NULLS", "FOR", "WITH", "SELECT", "USING", "NULL"}
)


def parse(soql: str) -> Query:
    """Parse one query.

    Raises:
        APIError: MALFORMED_QUERY with the place of the first token that does not fit.
    """
    return _Parser(soql).query()


class _Parser:
    def __init__(self, soql: str) -> None:
        self._soql = soql
        self._tokens = tokens_of(soql)
        self._at = 0
        self._has_groups = False

    @property
    def _token(self) -> SoqlToken:
        return self._tokens[self._at]

    def _next(self) -> SoqlToken:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _unexpected(self, token: SoqlToken | None = None) -> NoReturn:
        token = token or self._token
        fail(self._soql, token.at, f"unexpected token: '{token.text}'")

    def _takes(self, *words: str) -> bool:
        """Step over these words if they come next."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if [token.word or token.text for token in ahead] != list(words):
            return False
        self._at += len(words)
        return True

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            self._unexpected()

    def query(self) -> Query:
        self._expect("SELECT")
        counts_rows = self._takes("COUNT", "(", ")")
        items = () if counts_rows else self._items()
        self._expect("FROM")
        name = self._object_name()
        alias = self._alias()
        where = self._condition() if self._takes("WHERE") else None
        group_by = self._fields() if self._takes("GROUP", "BY") else ()
        # Without GROUP BY there is no HAVING: it is left for the end, where nothing may stand.
        self._has_groups = bool(group_by)
        having = self._condition() if group_by and self._takes("HAVING") else None
        order_by = self._order() if self._takes("ORDER", "BY") else ()
        limit = self._whole() if self._takes("LIMIT") else None
        offset = self._whole() if self._takes("OFFSET") else 0
        if self._token.kind != "end":
            self._unexpected()
        return Query(
            items=items,
            counts_rows=counts_rows,
            object_name=name.text,
            object_at=name.at,
            alias=alias,
            where=where,
            group_by=group_by,
            having=having,
            order_by=order_by,
            limit=limit,
            offset=offset,
        )

    def _name(self) -> SoqlToken:
        token = self._token
        if token.kind != "word" or token.word in KEYWORDS:
            self._unexpected()
        return self._next()

    def _object_name(self) -> SoqlToken:
        """The name after FROM; the object Group has the name of a keyword."""
        return self._next() if self._token.word == "GROUP" else self._name()

    def _alias(self) -> str:
        if self._token.kind == "word" and self._token.word not in KEYWORDS:
            return self._next().text
        return ""

    def _items(self) -> tuple[SelectItem, ...]:
        items = [SelectItem(self._expression(), self._alias())]
        while self._takes(","):
            items.append(SelectItem(self._expression(), self._alias()))
        return tuple(items)

    def _expression(self) -> Expression:
        name = self._name()
        if name.word not in AGGREGATES or not self._takes("("):
            return FieldRef(tuple(name.text.split(".")), name.at)
        field = self._field()
        self._expect(")")
        return Aggregate(name.word, field, name.at)

    def _field(self) -> FieldRef:
        name = self._name()
        return FieldRef(tuple(name.text.split(".")), name.at)

    def _fields(self) -> tuple[FieldRef, ...]:
        fields = [self._field()]
        while self._takes(","):
            fields.append(self._field())
        return tuple(fields)

    def _condition(self) -> Condition:
        """Conditions of one level; AND and OR do not mix without parentheses."""
        parts = [self._term()]
        word = self._token.word
        if word not in {"AND", "OR"}:
            return parts[0]
        while self._takes(word):
            parts.append(self._term())
        if self._token.word in {"AND", "OR"}:
            self._unexpected()
        return Junction(word, tuple(parts))

    def _term(self) -> Condition:
        if self._takes("NOT"):
            return Negation(self._term())
        if self._takes("("):
            inner = self._condition()
            self._expect(")")
            return inner
        # WHERE looks at single rows: only the conditions of groups have functions of many.
        left = self._expression() if self._has_groups else self._field()
        if self._takes("NOT", "IN"):
            return Membership(left, negated=True, values=self._list())
        if self._takes("IN"):
            return Membership(left, negated=False, values=self._list())
        operator = self._next()
        if operator.text not in OPERATORS and operator.word != "LIKE":
            self._unexpected(operator)
        return Comparison(left, operator.word or operator.text, self._literal())

    def _list(self) -> tuple[SoqlToken, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._takes(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> SoqlToken:
        token = self._token
        if token.kind not in LITERALS and token.word not in WORD_LITERALS:
            self._unexpected()
        return self._next()

    def _order(self) -> tuple[OrderItem, ...]:
        items = [self._order_item()]
        while self._takes(","):
            items.append(self._order_item())
        return tuple(items)

    def _order_item(self) -> OrderItem:
        expression = self._expression()
        descending = self._takes("DESC")
        if not descending:
            self._takes("ASC")
        nulls_first = True
        if self._takes("NULLS"):
            nulls_first = self._takes("FIRST")
            if not nulls_first:
                self._expect("LAST")
        return OrderItem(expression, descending, nulls_first)

    def _whole(self) -> int:
        token = self._next()
        if token.kind != "number" or not token.text.isdigit():
            self._unexpected(token)
        return int(token.text)
