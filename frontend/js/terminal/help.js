// What the terminal itself says, in the language of the page. What programs print is English, as anywhere.

const en = {
  hello: "kubectl of this cluster. \x1b[1mk get pods\x1b[22m, Tab completes, \x1b[1mhelp\x1b[22m says more.",
  help: `Type kubectl (or k) and a verb, as in any terminal:
  k get pods -o wide
  k get pods -w                 Ctrl-C ends it
  k scale deploy/todo-api --replicas=5
  k logs -f deploy/todo-api
  k apply -f editor.yaml        the text in the YAML panel;
                                -f - takes it as well
  k create deploy x --image=nginx --dry-run=client -o yaml
    > x.yaml                    a new tab there, for cat, vi …
  k edit deploy/todo-api        opens in the YAML panel
  k exec -it POD -- sh
Behind a pipe: grep head tail wc sort uniq cut tr awk sed jq
  base64 tee xargs, while read p; do …; done. Also: echo history
  seq date sleep watch diff, tail -f, X=$(k get …), a=(x y), for, if [ … ],
  case, f() { …; }, trap, and & for what runs behind: jobs wait
  fg kill.
Keys: Tab completes, ↑ ↓ Ctrl-R and !! !$ look back, Ctrl-A
  Ctrl-E Ctrl-W Ctrl-U Ctrl-K edit, Ctrl-L clears. Escape and
  then Tab leaves the terminal.
`,
  try_help: "try: help",
  lists: "ls lists the editor's",
  reads: "reads what a program before it says",
  before: "nothing comes before it",
  after: "nothing comes after it",
  too_long: "That is too much for a line: drop it as a file on the YAML panel.",
  at_most: "at most",
  no_option: "not in this terminal (-e -u -x and -o pipefail are)",
  is_shell: "you are in a shell already",
  no_text: "what this stands for is no UTF-8 text, and screen and files hold only text here",
  no_directories: "there are no directories, only the tabs of the YAML panel",
  no_halt: "nothing can be halted here: end it with Ctrl-C, and begin it with & behind it",
  no_signal: "not in this terminal (EXIT, INT and TERM are)",
  no_helm: "not here: drop what helm template prints elsewhere on the YAML panel",
  no_yq: "not here: kubectl … -o json | jq",
  no_man: "not here: kubectl VERB --help, kubectl explain KIND, help",
  no_ssh: "not here: kubectl debug node/NAME -it --image=busybox has a shell on a node",
  from_pod: "the cluster's addresses are reached from within: kubectl run -it --rm tmp --image=busybox -- sh, then wget -qO- http://SERVICE",
  is_tab: "a tab of the YAML panel",
};

const ja = {
  hello: "このクラスタのkubectlです。\x1b[1mk get pods\x1b[22m のように入力し、Tabで補完します。\x1b[1mhelp\x1b[22m で使い方を表示します。",
  help: `ふつうのターミナルと同じように、
kubectl(または k)と動詞を入力します:
  k get pods -o wide
  k get pods -w            Ctrl-C で終了
  k scale deploy/todo-api --replicas=5
  k logs -f deploy/todo-api
  k apply -f editor.yaml   YAMLパネルの内容
                           (-f - でも可)
  k create deploy x --image=nginx
    --dry-run=client -o yaml > x.yaml
                           YAMLパネルの新しいタブ
                           (cat ls rm vi x.yaml)
  k edit deploy/todo-api   YAMLパネルで編集
  k exec -it POD -- sh
パイプの後ろ: grep head tail wc sort uniq cut
  tr awk sed jq base64 tee xargs
  while read p; do …; done
ほかに: echo history seq date sleep watch
  diff  tail -f  trap
  X=$(k get …)  a=(x y)  for  if [ … ]
  case  f() { …; }
  & で裏で実行(jobs wait fg kill)
キー: Tab で補完、↑ ↓ Ctrl-R !! !$ で履歴、
  Ctrl-A Ctrl-E Ctrl-W Ctrl-U Ctrl-K で編集、
  Ctrl-L で画面を消去。
  Escape のあと Tab で外へ移ります。
`,
  try_help: "help で使い方を表示",
  lists: "ls でエディタのファイルを表示",
  reads: "前のプログラムの出力を読みます",
  before: "前に何もありません",
  after: "後ろに何もありません",
  too_long: "1行には長すぎます。ファイルとしてYAMLパネルにドロップしてください。",
  at_most: "上限",
  no_option: "このターミナルでは使えません(-e -u -x と -o pipefail が使えます)",
  is_shell: "すでにシェルの中です",
  no_text: "復元した結果はUTF-8のテキストではありません。画面とファイルにはテキストしか入りません",
  no_directories: "ディレクトリはありません。ファイルはYAMLパネルのタブです",
  no_halt: "ここでは一時停止できません。Ctrl-C で終了し、末尾に & を付けて実行し直してください",
  no_signal: "このターミナルでは使えません(EXIT INT TERM が使えます)",
  no_helm: "ここにはありません。別の場所で helm template を実行し、その出力をYAMLパネルにドロップしてください",
  no_yq: "ここにはありません: kubectl … -o json | jq",
  no_man: "ここにはありません: kubectl VERB --help  kubectl explain KIND  help",
  no_ssh: "ここにはありません。ノードのシェルは kubectl debug node/NAME -it --image=busybox で開きます",
  from_pod: "クラスタの中のアドレスへはPodから届きます: kubectl run -it --rm tmp --image=busybox -- sh のあと wget -qO- http://SERVICE",
  is_tab: "YAMLパネルのタブです",
};

/** The words as they are now: the language may change while the terminal is open. */
export const inWords = () => (globalThis.document?.documentElement.lang === "ja" ? ja : en);
