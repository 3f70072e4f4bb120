"""General settings with their impersonation rules, and instance variables (D29 to D32, D34)."""

import dataikuapi
import pytest

drives = pytest.mark.drives
UserRule = dataikuapi.DSSUserImpersonationRule
GroupRule = dataikuapi.DSSGroupImpersonationRule


@drives("D29", "D30")
def test_impersonation_rules_are_added_found_and_removed(dss, dss_client):
    settings = dss_client.get_general_settings()
    settings.add_impersonation_rule(UserRule().scope_project("PRJ").user_single("bob", "ubob"))
    settings.add_impersonation_rule(UserRule().user_regexp("(.*)@corp", "$1", "hdfs"))
    settings.add_impersonation_rule(GroupRule().group_single("analysts", "uanalysts"))
    settings.save()
    stored = dss.state("/generalSettings/impersonation")
    assert any(rule.get("dssUser") == "bob" and rule["projectKey"] == "PRJ" for rule in stored["userRules"])
    assert any(rule.get("dssGroup") == "analysts" and "scope" not in rule for rule in stored["groupRules"])
    again = dss_client.get_general_settings()
    found = again.get_impersonation_rules(dss_user="bob", is_user=True)
    assert [rule.raw["targetUnix"] for rule in found] == ["ubob"]
    assert [rule.raw["targetHadoop"] for rule in again.get_impersonation_rules(rule_from="(.*)@corp", is_user=True)] == ["hdfs"]
    again.remove_impersonation_rules(dss_user="bob", is_user=True)
    again.save()
    assert dss_client.get_general_settings().get_impersonation_rules(dss_user="bob", is_user=True) == []
    assert not any(rule.get("dssUser") == "bob" for rule in dss.state("/generalSettings/impersonation/userRules"))


def test_removing_rules_of_a_user_takes_all_group_rules_along(dss_client):
    settings = dss_client.get_general_settings()
    settings.add_impersonation_rule(UserRule().user_single("bob", "ubob"))
    settings.add_impersonation_rule(GroupRule().group_single("analysts", "uanalysts"))
    settings.remove_impersonation_rules(dss_user="bob")
    settings.save()
    raw = dss_client.get_general_settings().get_raw()
    assert raw["impersonation"]["groupRules"] == [], "the client's filter by user does not filter group rules"


@drives("D30")
def test_unknown_keys_under_a_known_one_are_dropped_without_a_word(dss, dss_client):
    settings = dss_client.get_general_settings()
    settings.get_raw()["security"]["noSuchKey"] = True
    settings.get_raw()["security"]["hideErrorStacks"] = True
    settings.save()
    again = dss_client.get_general_settings().get_raw()
    assert "noSuchKey" not in again["security"]
    assert again["security"]["hideErrorStacks"] is True
    assert dss.state("/generalSettings/security/hideErrorStacks") is True


@drives("D31", "D32")
def test_variables_are_replaced_as_a_whole(dss, dss_client):
    variables = dss_client.get_global_variables()
    variables["region"], variables["limits"] = "eu", {"max": 3}
    variables.save()
    assert dss.state("/variables") == {"region": "eu", "limits": {"max": 3}}
    again = dss_client.get_global_variables()
    del again["limits"]
    again.save()
    assert dss_client.get_global_variables() == {"region": "eu"}
    again.clear()
    again.save()
    assert dss.state("/variables") == {}


@drives("D31", "D32")
@pytest.mark.filterwarnings("ignore:.et_variables is deprecated:DeprecationWarning")
def test_the_deprecated_variable_calls_do_the_same(dss, dss_client):
    dss_client.set_variables({"region": "eu"})
    assert dss.state("/variables") == {"region": "eu"}
    assert dss_client.get_variables() == {"region": "eu"}


@drives("D34")
def test_the_usage_summary_has_the_counters_that_the_client_reads(dss_client):
    summary = dss_client.get_global_usage_summary()
    for count in (
        summary.projects_count,
        summary.total_datasets_count,
        summary.total_recipes_count,
        summary.total_jupyter_notebooks_count,
        summary.total_sql_notebooks_count,
        summary.total_scenarios_count,
        summary.total_active_with_trigger_scenarios_count,
    ):
        assert count >= 0
    assert "projectSummaries" in dss_client.get_global_usage_summary(with_per_project=True).raw
