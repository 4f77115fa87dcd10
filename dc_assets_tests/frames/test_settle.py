"""Result files joined to the rows that were sent."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dc_assets.core.errors import UnsettledJob
from dc_assets.frames.csv_codec import decode
from dc_assets.frames.settle import (
    RECEIPT_SCHEMA,
    Outcomes,
    ResultFiles,
    all_landed,
    name_the_unnamed,
    settle,
)

LOCK = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"
BAD = "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
NONE = pl.DataFrame()

LOCKED_200 = (
    "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 200 records: "
    "001xxx,001yyy,...:--"
)
LOCKED_CUT = (
    "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: "
    "0013000000ABCDeAAF"
)
NO_PARENT = "INVALID_FIELD:Foreign key external ID: 1580 not found for field Ext__c in entity A:--"
DOUBLE = (
    "DUPLICATE_VALUE:duplicate value found: Record_Key__c duplicates value on record with id: "
    "006Ov000004iYzqIAE:--"
)
SEVERAL = "DUPLICATE_EXTERNAL_ID:Ext: more than one record found for external id field: [a, b]:--"
TWO_FIELDS = "REQUIRED_FIELD_MISSING:Required fields are missing: [A, B]:A,B --"
BAD_DATE = (
    "INVALID_FIELD:Failed to deserialize field at col 4. Due to, '6/15/19' is not a valid value "
    "for the type xsd:date:Trip_End_Date__c --"
)
RULE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"

ERRORS = [
    (LOCKED_200, "UNABLE_TO_LOCK_ROW", ""),
    (LOCKED_CUT, "UNABLE_TO_LOCK_ROW", ""),
    (LOCK, "UNABLE_TO_LOCK_ROW", ""),
    ("UNABLE_TO_LOCK_ROW", "UNABLE_TO_LOCK_ROW", ""),
    (NO_PARENT, "INVALID_FIELD", ""),
    (
        "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        "INVALID_CROSS_REFERENCE_KEY",
        "",
    ),
    (DOUBLE, "DUPLICATE_VALUE", ""),
    (SEVERAL, "DUPLICATE_EXTERNAL_ID", ""),
    (BAD, "REQUIRED_FIELD_MISSING", "Name"),
    (TWO_FIELDS, "REQUIRED_FIELD_MISSING", "A,B"),
    (BAD_DATE, "INVALID_FIELD", "Trip_End_Date__c"),
    (f"{RULE}:line one\nline two:--", RULE, ""),
    ("DUPLICATES_DETECTED:Use one of these records?:--", "DUPLICATES_DETECTED", ""),
    ("a sentence without any code", "a sentence without any code", ""),
    ("", "UNKNOWN_ERROR", ""),
]

TRIGGER = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
FLOW = "CANNOT_EXECUTE_FLOW_TRIGGER"
CAUSED = (
    "execution of AfterUpdate caused by: System.DmlException: Update failed. First exception on"
)
WRAPPED_LOCK = (
    "first error: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access to this record: []"
)
FLOW_SAYS = (
    "We can't save this record because the \u201cRoll up\u201d process failed. Give your admin "
    "these details. This error occurred when the flow tried to update records: "
)
LOOK_UP = "You can look up ExceptionCode values in the SOAP API Developer Guide. Error ID: 1-2 (3)"

LOCKS_INSIDE = [
    f"{TRIGGER}:dlrs_ContactTrigger: {CAUSED} row 0 with id 001xxx; {WRAPPED_LOCK}:--",
    f"{TRIGGER}: RollupTrigger: {CAUSED} row 3;\n{WRAPPED_LOCK}\n\nTrigger.Rollup: line 7:Name --",
    f"{FLOW}:{FLOW_SAYS}UNABLE_TO_LOCK_ROW: unable to obtain exclusive access. {LOOK_UP}:--",
    f"{FLOW}:{FLOW_SAYS}An Apex error occurred: {CAUSED} row 0; {WRAPPED_LOCK}:--",
    f"{TRIGGER}:T: {CAUSED} row 0; first error: {TRIGGER}, U: {CAUSED} row 1; {WRAPPED_LOCK}:--",
    f"{TRIGGER}:T: {CAUSED} row 0; first error: {FLOW}, {FLOW_SAYS}UNABLE_TO_LOCK_ROW: x:--",
]
LOCKS_MENTIONED = [
    f"{RULE}:Try again when UNABLE_TO_LOCK_ROW is over:Name --",
    f"{RULE}:the trigger said: {WRAPPED_LOCK}:Name --",
    f"{RULE}:{TRIGGER}: {WRAPPED_LOCK}:Name --",
    f"{TRIGGER}:T: {CAUSED} row 0; first error: {RULE}, no UNABLE_TO_LOCK_ROW, please: []:--",
    f"{TRIGGER}:T: {CAUSED} row 0; first error: {RULE}, it said {WRAPPED_LOCK}: []:--",
    f"{TRIGGER}:T: the admins call this UNABLE_TO_LOCK_ROW, it is a rule of ours:--",
    f"{FLOW}:{FLOW_SAYS}{RULE}: nobody says UNABLE_TO_LOCK_ROW: here. {LOOK_UP}:--",
    f"{FLOW}:{FLOW_SAYS}UNABLE_TO_LOCK_ROW is what we call it. {LOOK_UP}:--",
]


def sent(*ids: str) -> pl.DataFrame:
    """Return rows as they were sent."""
    return pl.DataFrame({"K": list(ids), "V": [f"v-{i}" for i in ids]})


def landed(*ids: str, created: str = "true") -> pl.DataFrame:
    """Return a successfulResults file that names the ids."""
    return pl.DataFrame(
        {"sf__Id": [f"006{i}" for i in ids], "sf__Created": [created] * len(ids), "K": list(ids)}
    )


def failed(errors: dict[str, str]) -> pl.DataFrame:
    """Return a failedResults file with an error for each id."""
    return pl.DataFrame(
        {"sf__Id": [""] * len(errors), "sf__Error": list(errors.values()), "K": list(errors)}
    )


def ids_of(frame: pl.DataFrame) -> list[str]:
    """Return the external ids of a frame, sorted."""
    return sorted(frame.get_column("K"))


@pytest.mark.parametrize(("text", "code", "fields"), ERRORS)
def test_an_error_text_is_taken_apart(text: str, code: str, fields: str) -> None:
    """Code and fields are found in every text that was seen, whole or not."""
    outcomes = settle(sent("a"), ResultFiles(NONE, failed({"a": text}), NONE), "K")
    rows = pl.concat([outcomes.refused, outcomes.retryable])
    assert rows.select("__code", "__fields").rows() == [(code, fields)]
    assert outcomes.retryable.height == (code == "UNABLE_TO_LOCK_ROW")


@pytest.mark.parametrize("text", LOCKS_INSIDE)
def test_a_lock_met_inside_a_trigger_or_a_flow_is_a_lock(text: str) -> None:
    """It is tried again and counted; the receipt keeps the code that the org gave the row."""
    outcomes = settle(sent("a"), ResultFiles(NONE, failed({"a": text}), NONE), "K")
    assert (ids_of(outcomes.retryable), outcomes.refused.height, outcomes.locked) == (["a"], 0, 1)
    assert outcomes.receipt.get_column("outcome").item() == text.partition(":")[0]


@pytest.mark.parametrize("text", LOCKS_MENTIONED)
def test_a_text_that_mentions_a_lock_is_refused(text: str) -> None:
    """A code counts at the place where a trigger or a flow puts the one that it met."""
    outcomes = settle(sent("a"), ResultFiles(NONE, failed({"a": text}), NONE), "K")
    assert (outcomes.retryable.height, ids_of(outcomes.refused), outcomes.locked) == (0, ["a"], 0)


@pytest.mark.parametrize(("attempt", "is_retried"), [(1, True), (3, True), (4, False), (7, False)])
@pytest.mark.parametrize("inside", ["", f"{TRIGGER}:T: {CAUSED} row 0; first error: "])
def test_an_unknown_exception_is_tried_four_times(
    attempt: int, inside: str, *, is_retried: bool
) -> None:
    """Then it is a dead letter of its own code; a lock of the same job is tried again still."""
    files = failed({"a": f"{inside}UNKNOWN_EXCEPTION: An unexpected error occurred:--", "b": LOCK})
    outcomes = settle(sent("a", "b"), ResultFiles(NONE, files, NONE), "K", attempt=attempt)
    assert ids_of(outcomes.retryable) == (["a", "b"] if is_retried else ["b"])
    assert outcomes.locked == 1


def test_the_message_is_what_stands_between_code_and_fields() -> None:
    """A message keeps its colons."""
    outcomes = settle(sent("a"), ResultFiles(NONE, failed({"a": BAD}), NONE), "K")
    assert outcomes.refused.get_column("__message").item() == (
        "Required fields are missing: [Name]"
    )


@given(order=st.permutations([f"id{n}" for n in range(9)]), columns=st.permutations(range(3)))
def test_order_of_rows_and_columns_means_nothing(order: list[str], columns: list[int]) -> None:
    """Rows are found by external id, wherever the org puts them."""
    good, bad = order[:5], order[5:]
    success = landed(*good)
    files = ResultFiles(
        success.select(success.columns[n] for n in columns),
        failed(dict.fromkeys(bad, LOCK)),
        NONE,
    )
    outcomes = settle(sent(*sorted(order)), files, "K")
    assert outcomes.landed == 5
    assert ids_of(outcomes.retryable) == sorted(bad)
    given_ids = dict(outcomes.receipt.select("external_id", "salesforce_id").iter_rows())
    assert {i: given_ids[i] for i in good} == {i: f"006{i}" for i in good}


def test_rows_with_record_ids_are_found_by_those() -> None:
    """An update need not send its external ids, and an org may spell them in another way."""
    rows = sent("a", "b", "c").with_columns(Id=pl.Series(["1", "2", "3"]))
    good = pl.DataFrame({"sf__Id": ["2"], "sf__Created": ["false"], "Id": ["2"], "K": ["B"]})
    bad = pl.DataFrame({"sf__Id": [""], "sf__Error": [BAD], "Id": ["1"]})
    outcomes = settle(rows, name_the_unnamed(rows, ResultFiles(good, bad, NONE), "K"), "K")
    told = outcomes.receipt.select("external_id", "outcome").rows()
    assert told == [("a", "REQUIRED_FIELD_MISSING"), ("b", "landed"), ("c", "UNPROCESSED")]


def test_values_that_the_org_rendered_anew_change_nothing() -> None:
    """The rows to try again are the rows that were sent, not what a result file shows."""
    file = failed({"a": LOCK}).with_columns(pl.lit("1.0E2").alias("V"))
    outcomes = settle(sent("a"), ResultFiles(NONE, file, NONE), "K")
    assert outcomes.retryable.get_column("V").item() == "v-a"


@pytest.mark.parametrize(
    ("files", "case"),
    [
        (ResultFiles(landed("a"), NONE, NONE), "a row in no file"),
        (ResultFiles(landed("a", "b"), failed({"b": BAD}), NONE), "a row in two files"),
        (ResultFiles(landed("a", "b", "b"), NONE, NONE), "a row twice in one file"),
        (ResultFiles(landed("a", "b", "x"), NONE, NONE), "a row that was not sent"),
        (ResultFiles(landed("a", "x"), NONE, NONE), "one row for another"),
        (ResultFiles(landed("a", "a"), NONE, NONE), "one row in the place of another"),
        (ResultFiles(landed("a", "B"), NONE, NONE), "another case"),
        (ResultFiles(landed("a", "b").drop("K"), NONE, NONE), "no column of ids"),
        (ResultFiles(NONE, NONE, NONE), "nothing at all"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_do_not_account_for_each_row_are_refused(files: ResultFiles, case: str) -> None:
    """Every row that was sent stands in exactly one file, and no other row does."""
    assert case
    with pytest.raises(UnsettledJob):
        settle(sent("a", "b"), files, "K")


def test_an_id_that_was_sent_twice_is_never_settled() -> None:
    """Its outcomes could not be told apart, so the sum would be a guess."""
    with pytest.raises(UnsettledJob):
        settle(
            sent("a", "a"),
            ResultFiles(NONE, failed({"a": BAD}).vstack(failed({"a": BAD})), NONE),
            "K",
        )


def test_the_receipt_names_every_row_once() -> None:
    """It says for each row what became of it, and for landed ones the Salesforce id."""
    files = ResultFiles(
        landed("a", created="false"), failed({"b": BAD}), pl.DataFrame({"K": ["c"]})
    )
    outcomes = settle(sent("a", "b", "c"), files, "K")
    assert outcomes.receipt.schema == pl.Schema(RECEIPT_SCHEMA)
    assert sorted(outcomes.receipt.rows()) == [
        ("a", "006a", False, "landed"),
        ("b", None, None, "REQUIRED_FIELD_MISSING"),
        ("c", None, None, "UNPROCESSED"),
    ]


def test_rows_of_a_dead_job_that_no_file_names_were_not_processed() -> None:
    """What a Failed or Aborted job committed stands in its files; the rest is tried again."""
    files = ResultFiles(landed("a"), failed({"b": BAD}), NONE)
    rows = sent("a", "b", "c", "d")
    outcomes = settle(rows, name_the_unnamed(rows, files, "K"), "K")
    assert (outcomes.landed, ids_of(outcomes.refused)) == (1, ["b"])
    assert ids_of(outcomes.retryable) == ["c", "d"]


def test_a_dead_job_without_files_processed_nothing() -> None:
    """All its rows are tried again."""
    rows = sent("a", "b")
    files = name_the_unnamed(rows, ResultFiles(NONE, NONE, NONE), "K")
    assert ids_of(settle(rows, files, "K").retryable) == ["a", "b"]


def test_header_only_files_are_empty() -> None:
    """An org may answer a header or nothing for a file without rows."""
    files = ResultFiles(
        decode(b'"sf__Id","sf__Created",K\n"006a","true","a"\n'),
        decode(b'"sf__Id","sf__Error",K\n'),
        decode(b"K\n"),
    )
    assert settle(sent("a"), files, "K").landed == 1


@given(
    fates=st.dictionaries(
        st.text("abc", min_size=1), st.sampled_from(["landed", LOCK, BAD, "unprocessed"])
    )
)
def test_the_outcomes_are_the_batch(fates: dict[str, str]) -> None:
    """Landed, refused and retryable rows add up to what was sent, none twice."""
    good = [i for i, fate in fates.items() if fate == "landed"]
    left = [i for i, fate in fates.items() if fate == "unprocessed"]
    errors = {i: fate for i, fate in fates.items() if fate in {LOCK, BAD}}
    files = ResultFiles(
        landed(*good), failed(errors), pl.DataFrame({"K": left}, schema={"K": pl.String})
    )
    outcomes: Outcomes = settle(
        pl.DataFrame({"K": list(fates)}, schema={"K": pl.String}), files, "K"
    )
    named = ids_of(outcomes.refused) + ids_of(outcomes.retryable)
    assert outcomes.landed == len(good)
    assert sorted(named + good) == sorted(fates)
    assert sorted(outcomes.receipt.get_column("external_id")) == sorted(fates)


KEYS = pl.Series("Key__c", ["a", "b", "c"])


def landed_file(*keys: str) -> ResultFiles:
    """Return result files that name some keys as landed, each with its own record id."""
    lines = [f"006{key},true,{key},x" for key in keys]
    body = "\n".join(["sf__Id,sf__Created,Key__c,Name", *lines]).encode()
    return ResultFiles(decode(body), NONE, NONE)


def test_rows_that_all_landed_are_what_they_are_when_each_is_looked_at() -> None:
    """In whatever order the file names them: each key keeps its own record id."""
    files = landed_file("c", "a", "b")
    short = all_landed(KEYS, files, "Key__c")
    assert short is not None
    whole = settle(KEYS.to_frame(), files, "Key__c")
    assert short.receipt.sort("external_id").equals(whole.receipt.sort("external_id"))
    assert short.receipt.schema == RECEIPT_SCHEMA
    assert (short.landed, short.locked) == (whole.landed, whole.locked) == (3, 0)
    assert short.refused.is_empty()
    assert short.retryable.is_empty()


@pytest.mark.parametrize(
    "named",
    [("a", "b"), ("a", "b", "d"), ("a", "b", "b"), ("a", "b", "c", "d"), ()],
    ids=["too few", "another", "one twice", "one more", "none"],
)
def test_a_file_that_does_not_name_each_key_once_proves_nothing(named: tuple[str, ...]) -> None:
    """Numbers alone are no proof."""
    assert all_landed(KEYS, landed_file(*named), "Key__c") is None


def test_keys_that_were_sent_twice_are_looked_at_one_by_one() -> None:
    """The org may have committed only one of them."""
    twice = pl.Series("Key__c", ["a", "a"])
    assert all_landed(twice, landed_file("a", "a"), "Key__c") is None


def test_a_row_that_failed_besides_is_looked_at() -> None:
    """What the other files name is never passed over."""
    failed = decode(b"sf__Id,sf__Error,Key__c,Name\n,BAD:x:--,d,x\n")
    files = ResultFiles(landed_file("a", "b", "c").successful, failed, NONE)
    assert all_landed(KEYS, files, "Key__c") is None
