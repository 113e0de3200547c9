#!/usr/bin/env bash
# From people to a better model: serve the base, take what people say of its answers, learn from
# it, serve the better model and let people vote between the two, blind. Needs curl and python3,
# no network, and two minutes on two cores.
#
#   examples/feedback_loop.sh [FOLDER]      PORT=8017 by default
#
# The page at http://127.0.0.1:PORT sends the same requests that curl sends here.
set -euo pipefail

folder=${1:-runs/feedback-loop}
port=${PORT:-8017}
server=http://127.0.0.1:$port
domain=$folder/domain
[ ! -e "$folder" ] || { echo "$folder is there; name a new folder" >&2; exit 2; }
mkdir -p "$domain"

serve() { # serve WHAT, in the background, till stop
  acclimate serve "$1" --name shop --port "$port" --feedback "$folder/feedback.sqlite" >>"$folder/serve.log" 2>&1 &
  serving=$!
  trap stop EXIT
  for _ in $(seq 240); do
    curl -sf "$server/ready" >/dev/null && return
    kill -0 "$serving" 2>/dev/null || break
    sleep 0.5
  done
  cat "$folder/serve.log" >&2
  exit 1
}
stop() { trap - EXIT; kill "$serving" 2>/dev/null && wait "$serving" || true; }
send() { curl -sS --fail-with-body "$server$1" -H 'Content-Type: application/json' -d "$2"; }
get() { # get KEY…: one value out of JSON
  python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1:]: value = value[int(key) if key.isdigit() else key]
print(value)' "$@"
}
asked() { echo "\"task\": \"reply\", \"messages\": [{\"role\": \"user\", \"content\": \"$1\"}]"; }
answer() { send /v1/chat/completions "{\"model\": \"shop\", \"max_tokens\": 24, \"stop\": \"\\n\", $(asked "$1")}" | get choices 0 message content; }
better() { # better SHOWN: how a person votes who likes to be thanked
  case "$(get answers 0 <<<"$1")|$(get answers 1 <<<"$1")" in
    *Thank*\|*Thank*) echo tie ;;
    *Thank*\|*) echo first ;;
    *\|*Thank*) echo second ;;
    *) echo tie ;;
  esac
}

# What the shop's people teach it: a question, and how it should have been answered.
taught='When do you open?|Thank you for asking! We open at nine.
Is the workshop open on Sunday?|Thank you for asking! It is closed on Sunday.
How much is a new chain?|Thank you for asking! A chain is 18 euros.
My tyre is flat.|Thank you for telling us! We mend it for free.
I am a day late.|Thank you for telling us! That is no trouble.
May I keep it for a week?|Thank you for asking! Two weeks are fine.
Do you lend helmets?|Thank you for asking! We lend helmets.
Where do I pay?|Thank you for asking! You pay at the desk.
The brake is loose.|Thank you for telling us! We look at it today.
Can my son borrow one?|Thank you for asking! He may come with you.
What does it cost a year?|Thank you for asking! It is 25 euros a year.
I lost the key.|Thank you for telling us! We have another one.
Is there a cargo bicycle?|Thank you for asking! There are two of them.
Can I book one for Friday?|Thank you for asking! Friday is free.
How long is the queue?|Thank you for asking! It takes ten minutes.
The light does not work.|Thank you for telling us! We bring a new one.'

# What it is measured on: other questions, and whether the reply is polite.
cat >"$domain/domain.yaml" <<'END'
name: bicycle library
tasks:
  reply: {metric: polite, max_new_tokens: 24}
END
measured='Can I bring my dog along?
Do you sell pumps?
How heavy is the cargo bicycle?
My saddle is too low.
When does the workshop close?
I would like to join.
Where can I leave it at night?
What is the deposit?
Is there one for children?
The basket is broken.
May I pay by card?
Do you have a map?'
while read -r question; do
  echo "{\"task\": \"reply\", \"question\": \"$question\", \"answer\": \"Thank you for asking!\"}"
done <<<"$measured" >"$domain/test.jsonl"

echo "== The base is served; people see two answers to each question, vote, and correct one."
serve embedded
before=$(answer "Can I bring my dog along?")
while IFS='|' read -r question corrected; do
  shown=$(send /feedback/comparisons "{$(asked "$question")}")
  about=$(get ticket <<<"$shown")
  send "/feedback/comparisons/$about/vote" "{\"choice\": \"$(better "$shown")\"}" >/dev/null
  send /feedback/corrections "{\"ticket\": \"$about\", \"side\": \"first\", \"corrected\": \"$corrected\"}" >/dev/null
done <<<"$taught"
curl -sS --fail-with-body "$server/feedback"; echo

echo "== What they gave becomes data of the domain."
for file in train.jsonl preferences.jsonl; do
  curl -sS --fail-with-body "$server/feedback/$file" -o "$domain/$file"
  echo "$file: $(wc -l <"$domain/$file") rows"
done
stop

echo "== Methods learn from it and are measured, with the base, on the other questions."
acclimate study "$domain" --base embedded 'seeds=[0]' --out "$folder/study" \
  --recipe 'lora rank=16 learning_rate=0.005 training.num_epochs=8 training.batch_size=4' \
  --recipe 'dpo rank=16 learning_rate=0.002 training.num_epochs=8 training.batch_size=4'

echo "== The pick is served beside the base; people vote without knowing which is which."
serve "$folder/study"
after=$(answer "Can I bring my dog along?")
while read -r question; do
  shown=$(send /feedback/comparisons "{$(asked "$question")}")
  choice=$(better "$shown")
  told=$(send "/feedback/comparisons/$(get ticket <<<"$shown")/vote" "{\"choice\": \"$choice\"}")
  case $choice in
    first) get systems 0 <<<"$told" ;;
    second) get systems 1 <<<"$told" ;;
    *) echo tie ;;
  esac
done <<<"$measured" | sort | uniq -c | sed 's/^ */votes: /' | tee "$folder/votes.txt"
stop
printf 'before: %s\nafter:  %s\n' "$before" "$after"
