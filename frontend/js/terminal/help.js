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
  k edit deploy/todo-api        opens in the YAML panel
  k exec -it POD -- sh
Behind a pipe: grep head tail wc sort uniq cut tr awk sed
  jq cat xargs. Also: clear echo help history ls seq sleep watch,
  X=$(k get …), for i in 1 2; do …; done, while, if [ … ].
Keys: Tab completes, ↑ ↓ and Ctrl-R look back, Ctrl-A Ctrl-E
  Ctrl-W Ctrl-U Ctrl-K edit, Ctrl-L clears. Escape and then
  Tab leaves the terminal.
`,
  try_help: "try: help",
  lists: "ls lists the editor's",
  reads: "reads what a program before it says",
  before: "nothing comes before it",
  after: "nothing comes after it",
  not_here: "not in this terminal (there are no files to write to, and no jobs)",
  no_shell: "not in this terminal (it has variables, $(…), loops and conditions, but no shells of their own)",
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
  k edit deploy/todo-api   YAMLパネルで編集
  k exec -it POD -- sh
パイプの後ろ: grep head tail wc sort uniq cut
  tr awk sed jq cat xargs
ほかに: clear echo help history ls seq
  sleep watch X=$(k get …)
  for i in 1 2; do …; done  while  if [ … ]
キー: Tab で補完、↑ ↓ と Ctrl-R で履歴、
  Ctrl-A Ctrl-E Ctrl-W Ctrl-U Ctrl-K で編集、
  Ctrl-L で画面を消去。
  Escape のあと Tab で外へ移ります。
`,
  try_help: "help で使い方を表示",
  lists: "ls でエディタのファイルを表示",
  reads: "前のプログラムの出力を読みます",
  before: "前に何もありません",
  after: "後ろに何もありません",
  not_here: "このターミナルでは使えません(書き込めるファイルやジョブはありません)",
  no_shell: "このターミナルでは使えません(変数、$(…)、ループ、条件分岐は使えますが、サブシェルはありません)",
};

/** The words as they are now: the language may change while the terminal is open. */
export const inWords = () => (document.documentElement.lang === "ja" ? ja : en);
