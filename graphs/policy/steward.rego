# Steward's rules: what may happen unasked, what is asked, what is refused.
#
# Every rule below is one sentence with a name. When several apply, the most careful one wins: deny before ask before
# allow. What no rule speaks of is denied. `input` is described in docs/security.md; the cases that hold each rule are
# in steward.toml beside this file. Read it, change a copy of it, and run `steward policy check` and `steward policy test`.
package steward

import rego.v1

# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# You have stopped everything: no effect until it is lifted. Reading goes on.
deny contains "panic" if {
	input.session.panic
	effect
}

# You have paused this agent.
deny contains "agent-paused" if input.agent.paused

# The agent did not declare this tool, so it may not use it, whatever else is true.
deny contains "not-in-manifest" if not input.tool.name in input.agent.tools

# Nothing in the plan that was made from your words asks for this.
deny contains "not-planned" if {
	not input.step.planned
	effect
}

# An agent that you installed may not move money or delete; only Steward's own may even ask for that.
deny contains "installed-may-not" if {
	input.agent.trust == "installed"
	input.tool.effect in {"pay", "delete"}
}

# ── asked ────────────────────────────────────────────────────────────────────────────────────────────────────────────

# What started this are not your own typed words (a forwarded text, somebody else's message).
ask contains "not-your-words" if {
	input.words != "principal"
	effect
}

# Who or where it goes to was taken from a text that somebody else wrote.
ask contains "foreign-target" if {
	effect
	some argument in input.arguments
	argument.role == "target"
	argument.integrity == "untrusted"
	argument.endorsed == false
}

# What it says was taken from a text that somebody else wrote.
ask contains "foreign-content" if {
	effect
	some argument in input.arguments
	argument.role == "content"
	argument.integrity == "untrusted"
	argument.endorsed == false
}

# Something would reach a person who may not read what it was made from.
ask contains "not-theirs-to-read" if {
	effect
	some argument in input.arguments
	not "*" in argument.readers
	some person in input.recipients
	not person in argument.readers
}

# Somebody else's text and something private are both in play, and this leaves the house: the three that leak together.
ask contains "rule-of-two" if {
	input.session.untrusted
	input.session.private
	input.tool.effect in {"send", "fetch", "pay"}
}

# Money and deletion always ask, and so does fetching an address: it tells the other side something.
ask contains "always-asks" if input.tool.effect in {"pay", "delete", "fetch"}

# Something about this is out of the ordinary: an unusual hour, a new target, too many at once. Your own notes may be.
ask contains "unusual" if {
	count(input.session.unusual) > 0
	effect
	input.tool.own == false
}

# In the first weeks every effect on the outside asks.
ask contains "first-weeks" if {
	input.session.probation
	effect
	input.tool.own == false
}

# ── allowed ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# Reading what is yours and drafting change nothing.
allow contains "reading-is-free" if input.tool.effect in {"read", "draft"}

# Steward's own notes and reminders, by your direct words and nothing else.
allow contains "own-notes-by-direct-words" if {
	input.tool.own
	input.tool.effect == "write"
	your_words_only
}

# You asked for exactly this: every part of it is your own word, or belongs to the one thing that you named. Once.
allow contains "licensed-by-your-words" if {
	input.tool.effect in {"write", "send"}
	input.step.licence > 0
	your_words_or_choice
}

# You told Steward to stop asking about this kind, after twenty approvals in a row that you did not change.
allow contains "earned" if {
	input.history.granted
	input.history.approved_in_row > 19
	input.tool.effect in {"write", "send"}
}

# ── words used above ─────────────────────────────────────────────────────────────────────────────────────────────────

# An effect changes something or leaves the house.
effect if input.tool.effect in {"write", "send", "delete", "pay", "fetch"}

your_words_only if {
	every argument in input.arguments {
		argument.integrity == "principal"
	}
}

your_words_or_choice if {
	every argument in input.arguments {
		yours(argument.integrity, argument.endorsed)
	}
}

# A part is yours when you wrote it or stood in for it.
yours("principal", _)

yours(_, true)

# ── the verdict ──────────────────────────────────────────────────────────────────────────────────────────────────────

# The most careful word wins. An effect that nothing above speaks of asks; anything else is denied.
decision := {"word": "deny", "reasons": deny} if count(deny) > 0

else := {"word": "ask", "reasons": ask} if count(ask) > 0

else := {"word": "allow", "reasons": allow} if count(allow) > 0

else := {"word": "ask", "reasons": {"effects-ask"}} if effect

else := {"word": "deny", "reasons": {"nothing-allows-it"}}
